package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/cli"
)

// each calls f with every command and every group of commands, and with the
// words that lead to it.
func each(c *cli.Command, words []string, f func(c *cli.Command, words []string)) {
	f(c, words)
	for _, sub := range c.Commands {
		each(sub, append(slices.Clone(words), sub.Name), f)
	}
}

// called runs the program as a user does.
func called(t *testing.T, words ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = program.Run(t.Context(), words, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// TestCommandsExplainThemselves: help goes to standard output, in one layout.
func TestCommandsExplainThemselves(t *testing.T) {
	count := 0
	each(program, nil, func(c *cli.Command, words []string) {
		path := strings.Join(append([]string{"tocsin"}, words...), " ")
		count++
		first := path + ": " + c.Summary + "\n"
		_, want, _ := called(t, append(slices.Clone(words), "-h")...)
		ways := [][]string{append(slices.Clone(words), "--help"), append(slices.Clone(words), "-help"), append([]string{"help"}, words...)}
		if slices.IndexFunc(c.Commands, func(sub *cli.Command) bool { return sub.Name == "help" }) < 0 && (c.Define == nil || c.Args.Max == 0) {
			ways = append(ways, append(slices.Clone(words), "help"))
		}
		for _, args := range ways {
			if code, stdout, stderr := called(t, args...); code != cli.OK || stderr != "" || stdout != want || !strings.HasPrefix(stdout, first) {
				t.Errorf("%q: exit code %d, %q\n%s", args, code, stderr, stdout)
			}
		}
		sections := []string{"Usage:\n  " + path, "Examples:\n  "}
		if c.Define == nil {
			sections = []string{"Commands:\n  " + path}
		}
		for _, section := range sections {
			if !strings.Contains(want, "\n\n"+section) {
				t.Errorf("%s: its help has no %q:\n%s", path, section, want)
			}
		}
		for line := range strings.Lines(want) {
			if len([]rune(line)) > 130 || strings.HasPrefix(line, "    \t") {
				t.Errorf("%s: a line of its help is too wide: %s", path, line)
			}
		}
		for line := range strings.Lines(c.Example) {
			example, _, _ := strings.Cut(line, " | ")
			example, _, _ = strings.Cut(example, " > ")
			args := append(strings.Fields(example), "-h") // after flags that must exist
			if code, _, stderr := called(t, args[1:]...); !strings.HasPrefix(line, path) || code != cli.OK {
				t.Errorf("%s: an example is not of this command, or has a flag that it lacks: %s: %s", path, line, stderr)
			}
		}
	})
	if count < 25 {
		t.Errorf("%d commands were looked at", count)
	}
}

// TestCommandsRefuseWhatTheyDoNotTake: an argument too many and an unknown flag
// end a command before it has done anything, with exit code 2 and one line.
func TestCommandsRefuseWhatTheyDoNotTake(t *testing.T) {
	t.Chdir(t.TempDir())
	each(program, nil, func(c *cli.Command, words []string) {
		path := strings.Join(append([]string{"tocsin"}, words...), " ")
		f := func(args []string, wants ...string) {
			t.Helper()
			args = append(slices.Clone(words), args...)
			code, stdout, stderr := called(t, args...)
			if code != cli.Usage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, path+": ") || !strings.Contains(stderr, "(see "+path+" -h)") {
				t.Errorf("%q: exit code %d, %q, %q", args, code, stdout, stderr)
			}
			for _, want := range wants {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q: want %q in %q", args, want, stderr)
				}
			}
		}
		f([]string{"--jsom-colour"}, "--jsom-colour")
		if c.Define == nil {
			f(nil, "name a command")
			f([]string{"left-over"}, `"left-over"`)
			return
		}
		surplus := slices.Repeat([]string{"left-over"}, max(c.Args.Max, 0)+1)
		if c.Args.Max < 0 { // it takes any number, and none of this form
			f(surplus, "left-over")
			return
		}
		usage := regexp.QuoteMeta("usage: " + path)
		f(append(surplus, "--jsom-colour"), "--jsom-colour")
		_, _, stderr := called(t, append(slices.Clone(words), surplus...)...)
		if !regexp.MustCompile(usage).MatchString(stderr) {
			t.Errorf("%s: no usage in %q", path, stderr)
		}
		f(surplus, `"left-over"`)
		f(append([]string{"--"}, append(surplus, "--json")...), `"left-over"`)
	})
}

// TestFlagsStandBehindArguments: a command with a flag behind an argument too many
// is not carried out without the flag.
func TestFlagsStandBehindArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range []string{"run x --dry-run --drain", "run --drain false", "migrate x --plan", "check x --offline", "version x --json", "audit x --rejudge"} {
		if code, stdout, stderr := called(t, strings.Fields(args)...); code != cli.Usage || stdout != "" {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
	for args, want := range map[string]string{
		"--version":                    "did you mean tocsin version?",
		"chekc":                        "did you mean check?",
		"--config tocsin.yaml run":     "flags stand behind a command",
		"version --jsn":                "did you mean --json?",
		"run --config":                 "--config needs a value",
		"run --drain=perhaps":          `--drain "perhaps": it is neither true nor false`,
		"deadletters list --limit ten": `--limit "ten": it is not a whole number`,
		"rules help E999":              "there is no code E999",
		"help rules nothing":           `there is no command "nothing"`,
		"schema":                       "got none; usage: tocsin schema NAME",
	} {
		if code, stdout, stderr := called(t, strings.Fields(args)...); code != cli.Usage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %q, %q, want %q", args, code, stdout, stderr, want)
		}
	}
}

// TestListOfCommands: the comment of the package is the list of the commands, and
// the README names each package that has one.
func TestListOfCommands(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, c := range program.Commands {
		fmt.Fprintf(&list, "//\ttocsin %-12s %s\n", c.Name, c.Summary)
	}
	if !strings.Contains(string(source), "//\n"+list.String()+"//\n") {
		t.Errorf("the comment of main.go does not have this list:\n%s", &list)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tree, _ := strings.Cut(string(readme), "\ncmd/tocsin/ ")
	tree, _, _ = strings.Cut(tree, "\ncmd/devstack/")
	named := regexp.MustCompile(`[a-z]+`).FindAllString(tree, -1)
	for _, m := range regexp.MustCompile(`\b([a-z]+)\.\w*Command\b`).FindAllStringSubmatch(string(source), -1) {
		if m[1] != "cli" && !slices.Contains(named, m[1]) {
			t.Errorf("the README's tree does not name the package %s: %s", m[1], tree)
		}
	}
	for _, c := range program.Commands {
		if !slices.Contains(named, c.Name) {
			t.Errorf("the README's tree does not name the command %s: %s", c.Name, tree)
		}
	}
}

// TestAMistakeOfTheConfigurationIsPrintedAlike: check, run and every command that
// reads the file show the same place and line, whether the configuration, the loop or
// a sink finds the mistake.
func TestAMistakeOfTheConfigurationIsPrintedAlike(t *testing.T) {
	f := func(line, message string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "bad.yaml")
		text := "kafka: { brokers: [\"k:1\"], cluster: main, group: g, topics: [t] }\nclickhouse: { addresses: [\"c:1\"], user: u }\nnats:\n  servers: [\"n:1\"]\n  " + line + "\nrules: { pack: sox409 }\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		want := path + ":5:3: " + message + " [E502]\n    5 |   " + line + "\n      |   ^" + strings.Repeat("~", len(line)-1) + "\n"
		for _, name := range []string{"run", "migrate", "audit", "reconcile", "deadletters list"} {
			code, stdout, stderr := called(t, append(strings.Fields(name), "--config", path)...)
			if code != cli.Failed || stdout != "" || stderr != want+"tocsin "+name+": 1 mistake\n" {
				t.Errorf("%s: exit code %d, %q\n%s", name, code, stdout, stderr)
			}
		}
		for _, offline := range []string{"--offline=false", "--offline"} {
			code, stdout, stderr := called(t, "check", offline, "--config", path)
			if got := strings.ReplaceAll(stdout, "\n"+strings.Repeat(" ", 19), "\n"); code != cli.Failed || stderr != "" || got != "FAIL configuration "+want {
				t.Errorf("check %s: exit code %d, %q\n%s", offline, code, stderr, stdout)
			}
		}
		code, stdout, _ := called(t, "check", "--json", "--config", path)
		var results []map[string]string
		if err := json.Unmarshal([]byte(stdout), &results); code != cli.Failed || err != nil || len(results) != 1 || results[0]["place"] != path+":5:3" || results[0]["message"] != message {
			t.Errorf("check --json: exit code %d, %v\n%s", code, err, stdout)
		}
	}
	f("replicas: 9", "nats.replicas is 9: want 1 to 5")
	f("max_age: -1h", "nats.max_age is -1h0m0s: want at least 2m0s, or 0 to keep alerts for ever")
	f(`stream: "a.b c"`, `nats.stream is "a.b c": want a name without spaces, dots, slashes, * and >`)
}

// TestConfigWithoutAFile: a variable of the shell was empty.
func TestConfigWithoutAFile(t *testing.T) {
	for _, name := range []string{"check", "run", "migrate", "audit", "reconcile", "deadletters list"} {
		for _, flag := range []string{"--config=", "--config= "} {
			code, stdout, stderr := called(t, append(strings.Fields(name), flag)...)
			_, value, _ := strings.Cut(flag, "=")
			if want := fmt.Sprintf("tocsin %s: --config %q: it names no file: give its path, or leave the flag out for tocsin.yaml (see tocsin %[1]s -h)\n", name, value); code != cli.Usage || stdout != "" || stderr != want {
				t.Errorf("%s: exit code %d, %q\n%s", name, code, stdout, stderr)
			}
		}
	}
}
