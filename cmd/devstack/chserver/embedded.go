package chserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"tocsin/cmd/devstack/loopback"
	"tocsin/cmd/devstack/process"
)

// childEnv carries a childOrder to the copy of this program that becomes the
// server.
const childEnv = "TOCSIN_CHSERVER_CHILD"

// childOrder is the order that the child receives.
type childOrder struct {
	Library string // path of libchdb.so
	Config  string // path of config.xml
	Data    string // data directory
	Ports   string // file to write the two ports to, once both listen
	Disk    bool   // Data is on a disk that is in a namespace passed on
	Renames int    // the file that is the socket of trapRenames; 0: there is none
}

// firstFile is the number in the child of the first file that is passed on.
const firstFile = 3

// startLibrary starts the embedded server.
func startLibrary(ctx context.Context, l layout, o Options) (*Server, error) {
	library, err := Library(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	cred, err := l.write(o)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(l.ports()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("clear the ports of the last server: %w", err)
	}
	var d *disk
	if o.DataSize != 0 {
		if d, err = diskOn(l.data(), o.DataSize); err != nil {
			return nil, err
		}
	}
	order := childOrder{Library: library, Config: l.config(), Data: l.data(), Ports: l.ports(), Disk: d != nil}
	var passed []*os.File
	if d != nil {
		passed = append(passed, d.namespace) // namespaceFile in the child
	}
	if o.Renames != nil {
		socket, err := renameSocket(o.Renames)
		if err != nil {
			return nil, err
		}
		defer func() { _ = socket.Close() }() // the child has its own
		order.Renames = firstFile + len(passed)
		passed = append(passed, socket)
	}
	text, err := json.Marshal(order)
	if err != nil {
		return nil, fmt.Errorf("encode the child's order: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program to start it again: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Dir = string(l)
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.ExtraFiles = passed
	// The child reads this pipe, on which nothing is ever sent: its end, by
	// Stop or by the death of this process, is the order to stop.
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the child's pipe: %w", err)
	}
	p, err := process.Start(cmd, syscall.SIGTERM, nil)
	if err != nil {
		return nil, err
	}
	s := &Server{Password: cred.User, AnalystPassword: cred.Analyst, process: p, ask: leash.Close, layout: l, disk: d}
	return s, await(ctx, p, l.log(), func() (bool, error) {
		tcp, http, ok := readPorts(l.ports())
		if ok {
			s.TCPAddr, s.HTTPAddr = loopback.Addr(tcp), loopback.Addr(http)
			return true, nil
		}
		// A statement that fails leaves clickhouse-local at its prompt.
		if _, text, failed := strings.Cut(p.Tail(), "Received exception:"); failed {
			text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
			return false, errors.New(text)
		}
		return false, nil
	})
}

// script is what the child has clickhouse-local execute: open both listeners
// and write their ports, with a last word that shows the line is whole. After
// it clickhouse-local waits at its prompt, and so keeps the only session that
// the user default may have.
func (o childOrder) script() string {
	path := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(o.Ports)
	return `SYSTEM START LISTEN TCP;
SYSTEM START LISTEN HTTP;
SELECT getServerPort('tcp_port'), getServerPort('http_port'), 'end' INTO OUTFILE '` + path + `' FORMAT TSV`
}

// readPorts reads what serverScript writes; false until it is whole.
func readPorts(path string) (tcp, http int, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, false
	}
	var last string
	n, err := fmt.Sscanf(string(text), "%d\t%d\t%s", &tcp, &http, &last)
	return tcp, http, err == nil && n == 3 && last == "end"
}
