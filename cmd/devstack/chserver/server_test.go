package chserver_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/process"
)

const table = `CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000`

func TestProtocols(t *testing.T) {
	s := start(t, chserver.Options{Dir: t.TempDir()})
	for name, protocol := range map[string]clickhouse.Protocol{"native": clickhouse.Native, "http": clickhouse.HTTP} {
		t.Run(name, func(t *testing.T) {
			conn := open(t, s, protocol, chserver.User, s.Password)
			var version, database, user string
			if err := conn.QueryRow(t.Context(), `SELECT version(), currentDatabase(), currentUser()`).Scan(&version, &database, &user); err != nil {
				t.Fatal(err)
			}
			t.Logf("version %s", version)
			if database != chserver.Database || user != chserver.User {
				t.Errorf("database %q, user %q; want %q, %q", database, user, chserver.Database, chserver.User)
			}
		})
	}
}

func TestRights(t *testing.T) {
	s := start(t, chserver.Options{Dir: t.TempDir()})
	admin := writer(t, s)
	execute(t, admin, table)
	execute(t, admin, `INSERT INTO t SELECT number FROM numbers(3)`)
	execute(t, admin, `CREATE VIEW v AS SELECT n FROM t`)
	execute(t, admin, `CREATE DATABASE tocsin_more`)
	execute(t, admin, `DROP DATABASE tocsin_more`)

	f := func(user, password, query, want string) {
		t.Helper()
		conn := open(t, s, clickhouse.Native, user, password)
		err := conn.Exec(t.Context(), query)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %s: %v", user, query, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %s: error %v, want %s", user, query, err, want)
		}
	}
	const authentication, denied = "Authentication failed", "Not enough privileges"
	f(chserver.User, s.Password, `SELECT value FROM system.merge_tree_settings WHERE name = 'non_replicated_deduplication_window'`, "")
	f(chserver.User, s.Password, `ALTER TABLE t ADD COLUMN c String`, "")
	f(chserver.User, s.Password, `SELECT * FROM file('/etc/passwd', LineAsString)`, denied)
	f(chserver.User, s.Password, `CREATE TABLE f (l String) ENGINE = File(LineAsString, '/etc/passwd')`, denied)
	f(chserver.User, s.Password, `CREATE DATABASE elsewhere`, denied)
	f(chserver.AnalystUser, s.AnalystPassword, `SELECT sum(n) FROM v SETTINGS max_threads = 1`, "")
	f(chserver.AnalystUser, s.AnalystPassword, `SELECT sum(n) FROM t SETTINGS max_memory_usage = 2000000000`, "max_memory_usage")
	f(chserver.AnalystUser, s.AnalystPassword, `SELECT sum(n) FROM t SETTINGS readonly = 0`, "readonly")
	f(chserver.AnalystUser, s.AnalystPassword, `INSERT INTO t (n) VALUES (9)`, denied)
	f(chserver.AnalystUser, s.AnalystPassword, `DROP TABLE t`, denied)
	f(chserver.AnalystUser, s.AnalystPassword, `SELECT * FROM file('/etc/passwd', LineAsString)`, denied)
	f(chserver.AnalystUser, s.AnalystPassword, `SELECT * FROM url('http://127.0.0.1/', LineAsString)`, denied)
	f(chserver.AnalystUser, s.AnalystPassword, `SELECT * FROM system.server_settings`, denied)
	f(chserver.AnalystUser, s.Password, `SELECT 1`, authentication)
	f("default", "", `SELECT 1`, "session count")
	if err := open(t, s, clickhouse.HTTP, "default", "").Exec(t.Context(), `SELECT 1`); err == nil {
		t.Error("the user default may come in by HTTP")
	}
}

func TestHostileClientsDoNotEndIt(t *testing.T) {
	s := start(t, chserver.Options{Dir: t.TempDir()})
	for range 20 {
		for _, protocol := range []clickhouse.Protocol{clickhouse.Native, clickhouse.HTTP} {
			if err := open(t, s, protocol, chserver.User, "wrong").Ping(t.Context()); err == nil {
				t.Fatal("a wrong password was taken")
			}
		}
		for _, addr := range []string{s.TCPAddr, s.HTTPAddr} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write([]byte("\x00\xff\x07garbage\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := number(t, writer(t, s), `SELECT toUInt64(42)`); got != 42 {
		t.Errorf("after all that it answers %d", got)
	}
}

func TestTokenIsTakenOnce(t *testing.T) {
	s := start(t, chserver.Options{Dir: t.TempDir(), FsyncAfterInsert: true})
	conn := writer(t, s)
	execute(t, conn, table)
	insert := func(token string) {
		t.Helper()
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
			"insert_deduplication_token": token, "async_insert": 0,
		}))
		batch, err := conn.PrepareBatch(ctx, `INSERT INTO t`)
		if err != nil {
			t.Fatal(err)
		}
		for n := range uint64(10) {
			if err := batch.Append(n); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
	}
	insert("a/0/0-9")
	insert("a/0/0-9")
	if got := number(t, conn, `SELECT count() FROM t`); got != 10 {
		t.Errorf("%d rows after the same token twice, want 10", got)
	}
	insert("a/0/10-19") // the same rows, another token
	if got := number(t, conn, `SELECT count() FROM t`); got != 20 {
		t.Errorf("%d rows after another token, want 20", got)
	}
}

func TestKillAndStartAgain(t *testing.T) {
	dir := t.TempDir()
	first := start(t, chserver.Options{Dir: dir})
	conn := writer(t, first)
	execute(t, conn, table)
	execute(t, conn, `INSERT INTO t SELECT number FROM numbers(1000)`)
	first.Kill()

	second := start(t, chserver.Options{Dir: dir, TCPPort: port(t, first.TCPAddr), HTTPPort: port(t, first.HTTPAddr)})
	if second.TCPAddr != first.TCPAddr || second.HTTPAddr != first.HTTPAddr {
		t.Errorf("listens on %s and %s, not on %s and %s as before", second.TCPAddr, second.HTTPAddr, first.TCPAddr, first.HTTPAddr)
	}
	if second.Password != first.Password || second.AnalystPassword != first.AnalystPassword {
		t.Error("passwords are not those of before")
	}
	if got := number(t, writer(t, second), `SELECT count() FROM t`); got != 1000 {
		t.Errorf("%d rows left of 1000", got)
	}
}

// TestKilledUnderLoadTenTimes: the server comes back on its ports with whatever
// it had acknowledged, wherever in an insert its death meets it.
func TestKilledUnderLoadTenTimes(t *testing.T) {
	const writers, rows = 4, 20_000
	o := chserver.Options{Dir: t.TempDir()}
	s := start(t, o)
	o.TCPPort, o.HTTPPort = port(t, s.TCPAddr), port(t, s.HTTPAddr)
	execute(t, writer(t, s), table)
	var acknowledged uint64
	var begun atomic.Uint64
	for round := range 10 {
		var all sync.WaitGroup
		var taken atomic.Uint64
		landed := make(chan struct{}, writers) // one was taken, so others are in the middle
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range writers {
			conn := writer(t, s)
			all.Go(func() {
				for ctx.Err() == nil {
					first := begun.Add(rows) - rows // no two inserts are the same
					if err := conn.Exec(ctx, fmt.Sprintf(`INSERT INTO t SELECT number FROM numbers(%d, %d)`, first, rows)); err != nil {
						return
					}
					taken.Add(rows)
					select {
					case landed <- struct{}{}:
					default:
					}
				}
			})
		}
		for range writers {
			select {
			case <-landed:
			case <-time.After(time.Minute):
				t.Fatalf("round %d: no insert is taken", round)
			}
		}
		s.Kill()
		cancel()
		all.Wait()
		acknowledged += taken.Load()
		s = start(t, o)
		if got := number(t, writer(t, s), `SELECT count() FROM t`); got < acknowledged || got > begun.Load() || got%rows != 0 {
			t.Fatalf("round %d: %d rows, want whole inserts between the %d acknowledged and the %d begun", round, got, acknowledged, begun.Load())
		}
	}
	t.Logf("%d rows acknowledged", acknowledged)
}

func TestStopLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := start(t, chserver.Options{Dir: dir})
	execute(t, writer(t, s), table)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if process.Alive(s.Pid()) {
		t.Errorf("process %d still runs", s.Pid())
	}
	if c, err := net.Dial("tcp", s.TCPAddr); err == nil {
		_ = c.Close()
		t.Error("its port still answers")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	start(t, chserver.Options{Dir: dir}) // the data directory is free again
}

func TestParentDeathEndsIt(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"="+t.TempDir())
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if !process.Alive(pid) {
		t.Fatalf("no process %d", pid)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if !process.WaitGone(ctx, pid) {
		t.Errorf("server %d outlived its parent", pid)
	}
}

func TestStartSaysWhy(t *testing.T) {
	dir := t.TempDir()
	s := start(t, chserver.Options{Dir: dir})
	f := func(o chserver.Options, want string) {
		t.Helper()
		other, err := chserver.Start(t.Context(), o)
		if err == nil {
			other.Kill()
			t.Fatalf("started in spite of %s", want)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %q", err, want)
		}
	}
	f(chserver.Options{Dir: dir}, "Cannot lock file")
	f(chserver.Options{Dir: t.TempDir(), TCPPort: port(t, s.TCPAddr)}, "Address already in use")
}

func port(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
