package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// events are lines of go test -json, in short: action, package, test, output.
func events(lines ...[4]string) string {
	var b strings.Builder
	for i, l := range lines {
		fmt.Fprintf(&b, `{"Time":"2026-11-23T09:00:%02dZ","Action":%q,"Package":%q,"Test":%q,"Output":%q,"Elapsed":%d}`+"\n", i, l[0], l[1], l[2], l[3], i)
	}
	return b.String()
}

func TestTestsPrintPackagesFailuresAndTheSlowest(t *testing.T) {
	r := newTests(false)
	var out strings.Builder
	follow(strings.NewReader("go: downloading a v1\n"+events(
		[4]string{"start", "m/a", "", ""},
		[4]string{"run", "m/a", "TestGood", ""},
		[4]string{"output", "m/a", "TestGood", "a line of a test that passes\n"},
		[4]string{"pass", "m/a", "TestGood", ""},
		[4]string{"run", "m/a", "TestBad", ""},
		[4]string{"output", "m/a", "TestBad", "    a_test.go:7: got 1, want 2\n"},
		[4]string{"fail", "m/a", "TestBad", ""},
		[4]string{"output", "m/a", "", "FAIL\n"},
		[4]string{"fail", "m/a", "", ""},
		[4]string{"start", "m/b", "", ""},
		[4]string{"skip", "m/b", "TestAbsent", ""},
		[4]string{"pass", "m/b", "TestSlow/part", ""},
		[4]string{"pass", "m/b", "TestSlow", ""},
		[4]string{"output", "m/b", "", "ok  \tm/b\t(cached)\n"},
		[4]string{"pass", "m/b", "", ""},
		[4]string{"skip", "m/none", "", ""},
	)), &out, r, time.Now)
	r.end(90*time.Second, &out)
	want := `go: downloading a v1
    a_test.go:7: got 1, want 2
FAIL
ok    m/b                                                  14.0 s  (cached)

slowest tests:
     12.0 s  b.TestSlow
     10.0 s  b.TestAbsent
      6.0 s  a.TestBad
      3.0 s  a.TestGood
skipped: b.TestAbsent
5 tests of 2 packages in 1m30s; FAILED: a.TestBad, a
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +printed):\n%s", diff)
	}
}

// A test that is broken off, by its time limit or a panic, never ends.
func TestTestsPrintWhatDidNotEnd(t *testing.T) {
	r := newTests(false)
	follow(strings.NewReader(events([4]string{"run", "m/a", "TestStuck", ""}, [4]string{"output", "m/a", "TestStuck", "panic: test timed out\n"})), io.Discard, r, time.Now)
	var out strings.Builder
	r.end(time.Second, &out)
	if !strings.HasPrefix(out.String(), "--- did not end: a.TestStuck\npanic: test timed out\n") {
		t.Errorf("printed %q", out.String())
	}
}

func TestASilentCommandIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		input, feed := io.Pipe()
		var out strings.Builder
		go func() {
			write := func(text string) { _, _ = io.WriteString(feed, text) }
			began := time.Now()
			time.Sleep(30 * time.Second)
			for _, name := range []string{"TestOne", "TestTwo", "TestOne/part"} {
				write(fmt.Sprintf(`{"Time":%q,"Action":"run","Package":"m/a","Test":%q}`+"\n", time.Now().Format(time.RFC3339), name))
				time.Sleep(5 * time.Second)
			}
			write(fmt.Sprintf(`{"Time":%q,"Action":"pause","Package":"m/a","Test":"TestTwo"}`+"\n", time.Now().Format(time.RFC3339)))
			time.Sleep(30 * time.Second)
			write("go: done after " + time.Since(began).String() + "\n")
			_ = feed.Close()
		}()
		follow(input, &out, newTests(false), time.Now)
		want := `      0 packages done; compiling
      0 packages, 0 tests done; running a.TestOne (10 s), a.TestTwo (5 s)
      0 packages, 0 tests done; running a.TestOne (30 s)
go: done after 1m15s
`
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("(-want +printed):\n%s", diff)
		}
	})
}

func TestBuildCountsPackages(t *testing.T) {
	var input strings.Builder
	for i := range every + 1 {
		fmt.Fprintf(&input, "example.com/p%d/v2\n", i)
	}
	input.WriteString("# m/a\na.go:1:1: undefined: x\n")
	var out strings.Builder
	r := &build{}
	follow(strings.NewReader(input.String()), &out, r, time.Now)
	if diff := cmp.Diff("  50 packages compiled\n# m/a\na.go:1:1: undefined: x\n", out.String()); diff != "" {
		t.Errorf("(-want +printed):\n%s", diff)
	}
	if now, want := r.now(time.Time{}), "  still at it: 51 packages compiled, example.com/p50/v2 among the last"; now != want {
		t.Errorf("now is %q, want %q", now, want)
	}
}

// run has the go command's own exit code, and its own words.
func TestRunOnGoItself(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m\n\ngo 1.26\n", "a_test.go": "package m\n\nimport \"testing\"\n\nfunc TestBad(t *testing.T) { t.Error(\"on purpose\") }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := newTests(false)
	cmd := exec.Command("go", "test", "-json", "./...")
	cmd.Dir = dir
	code, err := run(cmd, r)
	if err != nil || code != 1 || !cmp.Equal(r.failed, []string{"m.TestBad", "m"}) {
		t.Errorf("exit code %d, %v, failed %q; want 1 and m.TestBad", code, err, r.failed)
	}
}
