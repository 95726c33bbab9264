package stack

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"tocsin/cmd/devstack/chserver"
)

// startClickHouse starts ClickHouse, unless one is present: the one on the
// PATH if there is one, or else the embedded one.
func (s *Stack) startClickHouse(ctx context.Context, c Config) error {
	if s.Addresses.ClickHouse != "" {
		return nil // with the user and the rest as they are
	}
	dir, err := c.subdirectory("clickhouse")
	if err != nil {
		return err
	}
	ch, err := chserver.Start(ctx, chserver.Options{
		Dir:      dir,
		Binary:   installed(),
		TCPPort:  c.Ports.ClickHouse,
		HTTPPort: c.Ports.ClickHouseHTTP,
		Progress: c.Progress,
	})
	if err != nil {
		return err
	}
	stopped := s.watch(ch.Done(), errors.New("clickhouse ended by itself: see "+dir+"/clickhouse.log"))
	s.stops = append(s.stops, stop{"clickhouse", func(ctx context.Context) error {
		stopped()
		return ch.Stop(ctx)
	}})
	s.Pids = append(s.Pids, ch.Pid())
	s.Addresses.ClickHouse = ch.TCPAddr
	s.Addresses.ClickHouseHTTP = "http://" + ch.HTTPAddr
	s.Addresses.ClickHouseUser, s.Addresses.ClickHousePassword = chserver.User, ch.Password
	s.Addresses.AnalystUser, s.Addresses.AnalystPassword = chserver.AnalystUser, ch.AnalystPassword
	return nil
}

// installed is the path of the clickhouse program on the PATH, empty if there
// is none.
func installed() string {
	path, err := exec.LookPath("clickhouse")
	if err != nil {
		return ""
	}
	return path
}

// Fetch has the embedded server fetched if Start would need it, so that a
// program can show its user what takes so long before it goes on unseen.
func Fetch(ctx context.Context, present Addresses, progress *os.File) error {
	if present.ClickHouse != "" || installed() != "" {
		return nil
	}
	_, err := chserver.Library(ctx, progress)
	return err
}
