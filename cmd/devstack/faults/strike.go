package faults

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"tocsin/cmd/devstack/netfault"
)

const (
	// strikeBound is how long a worker that is to kill itself at a step is
	// waited for. Then it lives on, and the fault did not happen.
	strikeBound = 20 * time.Second
	// rebalanceEvery is how often a worker goes and another comes while a
	// rebalance fault lasts.
	rebalanceEvery = 3 * time.Second
	// answerDelay is how late each part of an answer comes under delay: two of
	// them are past insertTimeout, three past stepTimeout.
	answerDelay = 1200 * time.Millisecond
)

// strike makes a fault happen and undoes it, and reports whether it happened.
// When ctx is cancelled it ends early; an error is the harness's own.
func (r *run) strike(ctx context.Context, f Fault) (happened bool, err error) {
	verb, server := f.Kind, ""
	if !kinds[f.Kind].ofWorker {
		for _, name := range []string{kafkaServer, clickhouseServer, natsServer} {
			if v, ok := strings.CutSuffix(f.Kind, "-"+name); ok {
				verb, server = v, name
			}
		}
	}
	switch verb {
	case "kill":
		return true, r.servers.kill(ctx, server)
	case "cut":
		r.servers.front[server].Cut()
	case "freeze":
		r.servers.disturb(ctx, server, f.Hold, (*netfault.Proxy).Freeze)
	case "hold-answers":
		r.servers.disturb(ctx, server, f.Hold, (*netfault.Proxy).FreezeAnswers)
	case "delay":
		r.servers.disturb(ctx, server, f.Hold, func(p *netfault.Proxy) { p.Delay(answerDelay) })
	case "full-disk":
		return r.servers.fill(ctx, f.Hold)
	case "rename-fails":
		return r.servers.loseRows(ctx, false, f.N)
	case "rename-kill":
		return r.servers.loseRows(ctx, true, 1)
	case "remake-topic":
		return r.remake(ctx, f)
	case "add-partition":
		return r.widen(ctx, f)
	case "forget-offsets":
		return r.forgetOffsets(ctx, f)
	case "bomb", "garbled", "crowd":
		return r.hostile(ctx, f)
	case "kill-worker":
		_, err := r.fleet.restart(f.Worker, 0, false, nil)
		return true, err
	case "pause":
		return true, r.fleet.pause(ctx, f.Worker, f.Hold)
	case "other-pack":
		_, err := r.fleet.restart(f.Worker, 1, true, nil)
		return true, err
	case "reload":
		return r.fleet.reload(ctx, f.Worker, strikeBound)
	case "rebalance":
		for end := time.Now().Add(f.Hold); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, rebalanceEvery) {
			if _, err := r.fleet.restart(f.Worker, 0, true, nil); err != nil {
				return true, err
			}
			f.Worker = (f.Worker + 1) % r.Workers
		}
	default:
		return r.killAtStep(ctx, f)
	}
	return true, nil
}

// killAtStep starts a worker that kills itself at a step, and waits until it
// has. No other fault has the worker meanwhile.
func (r *run) killAtStep(ctx context.Context, f Fault) (bool, error) {
	var step int
	if _, err := fmt.Sscanf(f.Kind, "kill-at-%d", &step); err != nil {
		return false, fmt.Errorf("there is no fault %s", f.Kind)
	}
	s := r.fleet.slots[f.Worker]
	s.Lock()
	defer s.Unlock()
	w, err := r.fleet.replace(s, 0, true, &order{step, f.N, syscall.SIGKILL})
	if err != nil || w == nil {
		return false, err
	}
	select {
	case <-w.process.Done():
		return w.struck(), nil
	case <-ctx.Done():
	case <-time.After(strikeBound):
	}
	return false, nil
}
