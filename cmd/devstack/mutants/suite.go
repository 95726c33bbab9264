package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// suite is a package with its tests.
type suite struct {
	module string // its directory
	dir    string // of the package, below the module, with slashes
	tags   string
	work   string // directory for binaries and overlays
	grace  time.Duration
	files  []string
	tests  []test
}

// test is one test function, and which lines it reached when it ran alone.
type test struct {
	name    string
	took    time.Duration
	reached []block
}

// block is a range of a file that the coverage tool counts.
type block struct {
	file                                   string
	fromLine, fromColumn, toLine, toColumn int
}

func (b *block) has(m *mutation) bool {
	after := m.at.Line > b.fromLine || m.at.Line == b.fromLine && m.at.Column >= b.fromColumn
	before := m.at.Line < b.toLine || m.at.Line == b.toLine && m.at.Column < b.toColumn
	return b.file == m.file && after && before
}

func (b *block) within(m *mutation) bool {
	return b.file == m.file && b.fromLine >= m.from && b.toLine <= m.to
}

// open finds the files of a package.
func open(ctx context.Context, module, dir, tags, work string, grace time.Duration) (*suite, error) {
	list := exec.CommandContext(ctx, "go", "list", "-tags", tags, "-f", `{{join .GoFiles "\n"}}`, "./"+dir)
	list.Dir = module
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w\n%s", dir, err, stderrOf(err))
	}
	return &suite{module: module, dir: dir, tags: tags, work: work, grace: grace, files: strings.Fields(string(out))}, nil
}

func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}

// mutations lists those of every file of the package.
func (s *suite) mutations() (all []mutation, err error) {
	for _, name := range s.files {
		src, err := os.ReadFile(filepath.Join(s.module, s.dir, name))
		if err != nil {
			return nil, err
		}
		some, err := find(s.dir+"/"+name, src)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// compile builds the package's test binary. What the compiler prints is the text of
// the error.
func (s *suite) compile(ctx context.Context, out string, flags ...string) error {
	args := slices.Concat([]string{"test", "-c", "-vet=off", "-tags", s.tags, "-o", out}, flags, []string{"./" + s.dir})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.module
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the tests of %s: %w\n%s", s.dir, err, said)
	}
	return nil
}

// binary is a command that runs a test binary in the folder of its package.
func (s *suite) binary(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = filepath.Join(s.module, s.dir)
	cmd.Env = append(os.Environ(), "RAPID_NOFAILFILE=1") // rapid writes an input that fails into the tree
	cmd.WaitDelay = time.Second                          // children may hold the output open
	return cmd
}

// survey runs each test alone, notes its time and the lines that it reaches.
func (s *suite) survey(ctx context.Context) error {
	path := filepath.Join(s.work, "survey.test")
	if err := s.compile(ctx, path, "-cover", "-covermode=set"); err != nil {
		return err
	}
	out, err := s.binary(ctx, path, "-test.list", "^(Test|Example|Fuzz)").Output()
	if err != nil {
		return fmt.Errorf("list the tests of %s: %w", s.dir, err)
	}
	profile := filepath.Join(s.work, "profile")
	for _, name := range strings.Fields(string(out)) {
		began := time.Now()
		out, err := s.binary(ctx, path, "-test.run", only(name), "-test.coverprofile", profile, "-test.timeout", "10m").CombinedOutput()
		if err != nil {
			return fmt.Errorf("without any mutant and run alone, %s in %s fails: %w\n%s", name, s.dir, err, out)
		}
		t := test{name: name, took: time.Since(began)}
		text, err := os.ReadFile(profile)
		if err != nil {
			return fmt.Errorf("read the coverage of %s: %w", name, err)
		}
		if t.reached, err = reached(text, s.dir); err != nil {
			return fmt.Errorf("read the coverage of %s: %w", name, err)
		}
		s.tests = append(s.tests, t)
	}
	slices.SortStableFunc(s.tests, func(a, b test) int { return int(a.took - b.took) })
	return nil
}

// only is the pattern that names exactly these tests.
func only(names ...string) string {
	for i := range names {
		names[i] = regexp.QuoteMeta(names[i])
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

// A line of a coverage profile: path of the file, range, statements, runs.
var profileLine = regexp.MustCompile(`/([^/]+):(\d+)\.(\d+),(\d+)\.(\d+) \d+ (\d+)$`)

// reached are the blocks of a profile that ran.
func reached(profile []byte, dir string) (all []block, err error) {
	lines := bufio.NewScanner(bytes.NewReader(profile))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "mode:") {
			continue
		}
		m := profileLine.FindStringSubmatch(lines.Text())
		if m == nil {
			return nil, fmt.Errorf("%q is no line of a coverage profile", lines.Text())
		}
		if m[6] == "0" {
			continue
		}
		var n [4]int
		for i := range n {
			if n[i], err = strconv.Atoi(m[i+2]); err != nil {
				return nil, err
			}
		}
		all = append(all, block{dir + "/" + m[1], n[0], n[1], n[2], n[3]})
	}
	return all, lines.Err()
}

// reaching returns the tests that can notice a mutation, the quick ones first. The
// coverage tool counts no condition of a case: for what lies in no block that ran,
// they are the tests that reach the function, if any test reaches a part around it.
func (s *suite) reaching(m *mutation) (some []test) {
	if m.function == "" {
		return s.tests // the package's variables are set in every test
	}
	for i := range s.tests {
		if slices.ContainsFunc(s.tests[i].reached, func(b block) bool { return b.has(m) }) {
			some = append(some, s.tests[i])
		}
	}
	if len(some) > 0 {
		return some
	}
	for i := range s.tests {
		if slices.ContainsFunc(s.tests[i].reached, func(b block) bool { return b.within(m) }) {
			some = append(some, s.tests[i])
		}
	}
	return some
}

// overlay writes a mutation's file, and the list that puts it in the place of the
// original on its way to the compiler. The tree is not touched.
func (s *suite) overlay(m *mutation) (path string, err error) {
	original := filepath.Join(s.module, filepath.FromSlash(m.file))
	src, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	altered := filepath.Join(s.work, "altered.go")
	if err := os.WriteFile(altered, m.apply(src), 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {original: altered}})
	if err != nil {
		return "", err
	}
	path = filepath.Join(s.work, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}
