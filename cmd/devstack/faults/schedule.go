package faults

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is one thing that goes wrong in a run.
type Fault struct {
	At     time.Duration // since the beginning of the load
	Kind   string        // a name of kinds
	Worker int           // the slot of the worker concerned, from 0; of no meaning to servers
	Hold   time.Duration // how long it lasts
	N      int           // passing of a step, parts, or a choice of topic and manner, from 1
}

// String is the fault as a line of the progress names it.
func (f Fault) String() string {
	text := f.Kind
	if kinds[f.Kind].ofWorker {
		text += fmt.Sprintf(" worker %d", f.Worker)
	}
	if f.N > 0 {
		text += fmt.Sprintf(" n=%d", f.N)
	}
	if f.Hold > 0 {
		text += fmt.Sprintf(" for %s", f.Hold)
	}
	return text
}

// kind is how often a fault is drawn and how long it lasts.
type kind struct {
	weight   int              // cards of it in a deck
	hold     [2]time.Duration // least and most
	most     int              // greatest N; 0: none is drawn
	ofWorker bool
}

// session and the others are the workers' timeouts: faults last less, and
// more, than each of them.
const (
	sessionTimeout = 6 * time.Second
	insertTimeout  = 2 * time.Second
	stepTimeout    = 3 * time.Second
	drainTimeout   = 5 * time.Second
	rebalanceGrace = 2 * time.Second
	intentTTL      = 4 * time.Second
)

// kinds are the faults of a schedule, by name. A name ends in the server that
// it concerns, or, where it begins with kill-at, in the step of points.go.
var kinds = map[string]kind{
	"kill-worker": {weight: 3, ofWorker: true},
	"kill-at-1":   {weight: 2, most: 8, ofWorker: true},
	"kill-at-2":   {weight: 2, most: 8, ofWorker: true},
	"kill-at-3":   {weight: 2, most: 8, ofWorker: true},
	"kill-at-4":   {weight: 2, most: 8, ofWorker: true},
	"kill-at-5":   {weight: 2, most: 3, ofWorker: true},
	"kill-at-6":   {weight: 2, most: 3, ofWorker: true},
	"kill-at-7":   {weight: 2, most: 3, ofWorker: true},
	"kill-at-8":   {weight: 2, most: 5, ofWorker: true},
	"pause":       {weight: 4, hold: seconds(2, 12), ofWorker: true}, // shorter and longer than session and intent
	"rebalance":   {weight: 2, hold: seconds(6, 12), ofWorker: true}, // a worker every 3 s
	"other-pack":  {weight: 2, ofWorker: true},                       // restarted with it
	"reload":      {weight: 3, ofWorker: true},                       // the other pack, without a restart

	"kill-kafka": {weight: 1}, "kill-clickhouse": {weight: 2}, "kill-nats": {weight: 1},
	"cut-kafka": {weight: 1}, "cut-clickhouse": {weight: 1}, "cut-nats": {weight: 1},
	"freeze-kafka": {weight: 1, hold: seconds(2, 9)}, "freeze-clickhouse": {weight: 1, hold: seconds(2, 9)}, "freeze-nats": {weight: 1, hold: seconds(2, 9)},
	"hold-answers-kafka": {weight: 1, hold: seconds(2, 9)}, "hold-answers-clickhouse": {weight: 1, hold: seconds(2, 9)}, "hold-answers-nats": {weight: 1, hold: seconds(2, 9)},
	"delay-kafka": {weight: 1, hold: seconds(3, 6)}, "delay-clickhouse": {weight: 1, hold: seconds(3, 6)}, "delay-nats": {weight: 1, hold: seconds(3, 6)},
	"full-disk": {weight: 1, hold: seconds(3, 6)},

	"rename-fails": {weight: 1, most: 3}, // so many parts
	"rename-kill":  {weight: 2},

	"remake-topic":   {weight: 2, most: 2 * deletions},
	"add-partition":  {weight: 1, most: 2},
	"forget-offsets": {weight: 1, most: 8},
	"bomb":           {weight: 1, most: 4},
	"garbled":        {weight: 1, most: 4},
	"crowd":          {weight: 1, most: 2},
}

func seconds(least, most int) [2]time.Duration {
	return [2]time.Duration{time.Duration(least) * time.Second, time.Duration(most) * time.Second}
}

// Pauses between the beginnings of two faults.
const (
	gapLeast = 1 * time.Second
	gapMost  = 4 * time.Second
)

// plan draws the faults of a run. Kinds are dealt from a shuffled deck, so that
// a run of some minutes has each of them. The same arguments give the same
// faults.
func plan(seed uint64, d time.Duration, workers int, weights map[string]int) []Fault {
	r := rand.New(rand.NewPCG(seed, 0))
	between := func(least, most time.Duration) time.Duration {
		return (least + time.Duration(r.Int64N(int64(most-least)+1))).Round(100 * time.Millisecond)
	}
	var deck, all []string
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		n := kinds[name].weight
		if w, ok := weights[name]; ok {
			n = w
		}
		for range n {
			all = append(all, name)
		}
	}
	if len(all) == 0 {
		return nil
	}
	var faults []Fault
	for at := between(gapLeast, gapMost); at < d; at += between(gapLeast, gapMost) {
		if len(deck) == 0 {
			deck = slices.Clone(all)
			r.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		f := Fault{At: at, Kind: deck[0], Worker: r.IntN(workers)}
		deck = deck[1:]
		k := kinds[f.Kind]
		if k.hold[1] > 0 {
			f.Hold = between(k.hold[0], k.hold[1])
		}
		if k.most > 0 {
			f.N = 1 + r.IntN(k.most)
		}
		faults = append(faults, f)
	}
	return faults
}

// ParseWeights reads kind=weight,... An unknown kind is an error that lists
// the known ones.
func ParseWeights(text string) (map[string]int, error) {
	weights := make(map[string]int)
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, number, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(number)
		if _, known := kinds[name]; !known || err != nil || n < 0 {
			return nil, fmt.Errorf("%q is no weight: write kind=cards with one of %s", part, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
		}
		weights[name] = n
	}
	return weights, nil
}
