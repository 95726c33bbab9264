package chserver

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"syscall"

	"tocsin/cmd/devstack/loopback"
	"tocsin/cmd/devstack/process"
)

// startBinary starts `clickhouse server` from an installed ClickHouse.
func startBinary(ctx context.Context, l layout, o Options) (*Server, error) {
	free, err := loopback.Ports(2)
	if err != nil {
		return nil, err
	}
	if o.TCPPort == 0 {
		o.TCPPort = free[0]
	}
	if o.HTTPPort == 0 {
		o.HTTPPort = free[1]
	}
	cred, err := l.write(o)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(o.Binary, "server", "--config-file="+l.config())
	cmd.Dir = string(l)
	// Without its watchdog the server is the child itself, not a grandchild.
	cmd.Env = append(os.Environ(), "CLICKHOUSE_WATCHDOG_ENABLE=0")
	p, err := process.Start(cmd, syscall.SIGTERM, nil)
	if err != nil {
		return nil, err
	}
	s := &Server{
		TCPAddr: loopback.Addr(o.TCPPort), HTTPAddr: loopback.Addr(o.HTTPPort),
		Password: cred.User, AnalystPassword: cred.Analyst,
		process: p, layout: l,
		ask: func() error { return p.Signal(syscall.SIGTERM) },
	}
	return s, await(ctx, p, l.log(), func() (bool, error) { return ping(ctx, s.HTTPAddr), nil })
}

// ping reports whether the server answers.
func ping(ctx context.Context, addr string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/ping", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}
