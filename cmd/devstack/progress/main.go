// Command progress runs go build or go test and shows how far it is: a line at
// least every twenty seconds, however long a compiler or a test is silent.
//
//	progress build ARGS   runs go build -v ARGS and counts the packages compiled
//	progress test ARGS    runs go test -json ARGS; prints each package as it ends,
//	                      the output of each test that fails, the tests that
//	                      were skipped, and at the end the slowest ten
//
// The variable GO names the go command. The exit code is that of the go command.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// quiet is how long nothing is printed until a line reports what runs.
const quiet = 20 * time.Second

const exitUsage = 2

// report takes in the lines that the go command prints. It prints what is worth
// it to out at once.
type report interface {
	line(text []byte, out io.Writer)
	// now is one line about what runs at this time.
	now(at time.Time) string
	// end prints the closing lines.
	end(took time.Duration, out io.Writer)
}

func main() {
	if len(os.Args) < 2 || (os.Args[1] != "build" && os.Args[1] != "test") {
		fmt.Fprintln(os.Stderr, "usage: progress build|test ARGUMENTS OF THE GO COMMAND")
		os.Exit(exitUsage)
	}
	command, args := os.Args[1], os.Args[2:]
	var r report
	switch command {
	case "build":
		r, args = &build{}, slices.Concat([]string{"build", "-v"}, args)
	case "test":
		r, args = newTests(slices.Contains(args, "-v")), slices.Concat([]string{"test", "-json"}, args)
	}
	goCommand := os.Getenv("GO")
	if goCommand == "" {
		goCommand = "go"
	}
	code, err := run(exec.Command(goCommand, args...), r)
	if err != nil {
		fmt.Fprintln(os.Stderr, "progress:", err)
	}
	os.Exit(code)
}

// run runs cmd to its end, reports its lines, and returns its exit code.
func run(cmd *exec.Cmd, r report) (int, error) {
	// An interrupt at the terminal reaches the go command too. It is waited
	// for, so that nothing runs on behind the prompt.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT)
	defer signal.Stop(interrupts)

	output, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	cmd.Stderr = cmd.Stdout
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	follow(output, os.Stdout, r, time.Now)
	err = cmd.Wait()
	r.end(time.Since(began), os.Stdout)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(1, exit.ExitCode()), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

// follow reports every line of input, and what runs whenever nothing was
// printed for a while.
func follow(input io.Reader, out io.Writer, r report, clock func() time.Time) {
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		for reader := bufio.NewReader(input); ; {
			text, err := reader.ReadBytes('\n')
			if len(text) > 0 {
				lines <- text
			}
			if err != nil {
				return
			}
		}
	}()
	watched := &watched{Writer: out}
	silence := time.NewTimer(quiet)
	defer silence.Stop()
	for {
		select {
		case text, more := <-lines:
			if !more {
				return
			}
			watched.written = false
			r.line(text, watched)
			if watched.written {
				silence.Reset(quiet)
			}
		case <-silence.C:
			_, _ = fmt.Fprintln(out, r.now(clock()))
			silence.Reset(quiet)
		}
	}
}

// watched is a writer that remembers whether it was written to.
type watched struct {
	io.Writer
	written bool
}

func (w *watched) Write(p []byte) (int, error) {
	w.written = true
	return w.Writer.Write(p)
}
