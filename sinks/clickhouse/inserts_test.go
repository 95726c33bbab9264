package clickhouse

import (
	"bytes"
	"io"
	"net"
	"regexp"
	"sync"
	"testing"

	"tocsin/cmd/devstack/chserver/chtest"
)

// The settings of an insert as the native protocol sends them: name, flags, value.
var (
	insertQuery  = regexp.MustCompile(`INSERT INTO (\w+)`)
	synchronous  = regexp.MustCompile(`\x0casync_insert[\x00-\x7f]\x010`)
	deduplicates = regexp.MustCompile(`\x12insert_deduplicate[\x00-\x7f]\x011`)
	token        = regexp.MustCompile(`\x1ainsert_deduplication_token[\x00-\x7f][^\x00]`)
)

// TestEveryInsertIsSynchronous: every insert carries async_insert = 0 and a
// token. The profile of a user, and ClickHouse 26.3 and newer, ask for
// asynchronous inserts, which may be acknowledged before they are written. The
// embedded server takes none, so the test reads what the driver sends.
func TestEveryInsertIsSynchronous(t *testing.T) {
	c := configOf(chtest.Server(t), chtest.Database(t))
	sent := newTap(t, c.Addrs[0])
	c.Addrs = []string{sent.addr}
	if err := Migrate(t.Context(), c, func(string) {}); err != nil {
		t.Fatal(err)
	}
	s := opened(t, c)
	if err := s.Store(t.Context(), newRandom(8).batch("t", 0, 10, 0.3)); err != nil {
		t.Fatal(err)
	}
	if err := s.SavePack(t.Context(), "d1", "sox409", []byte("-- pack.yaml --\n")); err != nil {
		t.Fatal(err)
	}
	letter := Place{Topic: "t", Offset: 4}
	if err := s.Claim(t.Context(), "main", Disposition{Place: letter, Action: Replaying, Attempt: 1, Actor: "alice"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Note(t.Context(), "main", Disposition{Place: letter, Action: Discarding, Actor: "alice"}); err != nil {
		t.Fatal(err)
	}
	tables := map[string]int{}
	for _, stream := range sent.streams() {
		began := 0
		for _, at := range insertQuery.FindAllSubmatchIndex(stream, -1) {
			table := string(stream[at[2]:at[3]])
			tables[table]++
			settings := stream[began:at[0]] // since the insert before
			for _, want := range []*regexp.Regexp{synchronous, deduplicates, token} {
				if !want.Match(settings) {
					t.Errorf("an insert into %s lacks the setting %s", table, want)
				}
			}
			began = at[1]
		}
	}
	for table, want := range map[string]int{"events": 1, "packs": 1, "dispositions": 2, "schema_migrations": len(migrations)} {
		if tables[table] != want {
			t.Errorf("%d inserts into %s were seen, want %d", tables[table], table, want)
		}
	}
}

// tap passes connections on to a server and keeps what the clients send.
type tap struct {
	addr string
	mu   sync.Mutex
	sent []*bytes.Buffer // of each connection
}

func newTap(t *testing.T, addr string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &tap{addr: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			}()
			go p.pass(server, client)
		}
	}()
	return p
}

func (p *tap) pass(server net.Conn, client io.Reader) {
	kept := new(bytes.Buffer)
	p.mu.Lock()
	p.sent = append(p.sent, kept)
	p.mu.Unlock()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		p.mu.Lock()
		kept.Write(buf[:n])
		p.mu.Unlock()
		if _, failed := server.Write(buf[:n]); failed != nil || err != nil {
			_ = server.Close()
			return
		}
	}
}

// streams are what each connection has sent so far.
func (p *tap) streams() (all [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.sent {
		all = append(all, bytes.Clone(b.Bytes()))
	}
	return all
}
