package chserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// stopBound is how long the server may take to end by itself once it has been
// asked to; then the child exits without it, so that it never stays behind.
const stopBound = 20 * time.Second

// Main turns the process into the server if it is the child that Start
// started, and then never returns; otherwise it does nothing. It is the first
// call of main and of TestMain in every program that calls Start.
func Main() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	var order childOrder
	err := os.Unsetenv(childEnv)
	if err == nil {
		err = json.Unmarshal([]byte(text), &order)
	}
	if err == nil {
		err = serve(order)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "embedded clickhouse:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve runs the server until standard input ends or a signal asks for it.
func serve(order childOrder) error {
	runtime.LockOSThread() // the library's main thread
	if order.Disk {
		if err := enterDisk(); err != nil {
			return err
		}
	}
	if order.Renames != 0 {
		// Where the kernel knows no such filter the server runs without it.
		if err := trapRenames(order.Renames); err != nil {
			fmt.Fprintln(os.Stderr, "embedded clickhouse: renames are not trapped:", err)
		}
		if err := syscall.Close(order.Renames); err != nil {
			return fmt.Errorf("close the socket for renames: %w", err)
		}
	}
	leash, err := syscall.Dup(0)
	if err != nil {
		return fmt.Errorf("keep the parent's pipe: %w", err)
	}
	syscall.CloseOnExec(leash)
	terminal, err := takeTerminal()
	if err != nil {
		return err
	}
	stop := sync.OnceFunc(func() {
		time.AfterFunc(stopBound, func() {
			fmt.Fprintln(os.Stderr, "embedded clickhouse: did not end in", stopBound)
			os.Exit(1)
		})
		_ = terminal.Close() // ends the prompt
	})
	go func() { _, _ = io.Copy(io.Discard, terminal) }() // the prompt's output
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(uintptr(leash), "parent"))
		stop()
	}()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		stop()
	}()
	return call(order.Library, []string{
		"clickhouse-local",
		"--interactive", "--disable_suggestion", "--history_file=/dev/null",
		"--highlight=0", "--progress=off", "--progress-table=off",
		"--config-file=" + order.Config,
		"--path=" + order.Data,
		"--query=" + order.script(),
	})
}

// takeTerminal makes standard input a new pseudo-terminal and returns the
// other end of it.
func takeTerminal() (*os.File, error) {
	master, slave, err := openTerminal()
	if err != nil {
		return nil, fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	if err := syscall.Dup3(int(slave.Fd()), 0, 0); err != nil {
		return nil, fmt.Errorf("make it the standard input: %w", err)
	}
	return master, slave.Close()
}

// call loads the library and runs its command line, which returns when the
// script and the prompt have ended.
func call(library string, args []string) error {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("load the library (it needs glibc): %w", err)
	}
	var (
		setSignalHandlers func(int32)
		commandLine       func(int32, unsafe.Pointer) unsafe.Pointer
		resultError       func(unsafe.Pointer) string
	)
	purego.RegisterLibFunc(&setSignalHandlers, handle, "chdb_set_signal_handlers_enabled")
	purego.RegisterLibFunc(&commandLine, handle, "chdb_query_cmdline")
	purego.RegisterLibFunc(&resultError, handle, "chdb_result_error")
	setSignalHandlers(0) // the Go runtime keeps its own

	argv := make([]*byte, len(args)+1)
	for i, arg := range args {
		argv[i] = &append([]byte(arg), 0)[0]
	}
	result := commandLine(int32(len(args)), unsafe.Pointer(&argv[0]))
	// The library reads argv for as long as it runs. Go's collector does not
	// move heap objects, so keeping them alive suffices; a runtime.Pinner that
	// is dropped while pinned panics.
	runtime.KeepAlive(argv)
	if result == nil {
		return errors.New("the library returned no result")
	}
	if text := resultError(result); text != "" {
		return errors.New(text)
	}
	return nil
}
