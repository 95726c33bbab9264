package natsserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"

	"tocsin/cmd/devstack/loopback"
)

const (
	// childEnv carries Options to the copy of this program that becomes the
	// server.
	childEnv = "TOCSIN_NATSSERVER_CHILD"
	// wordFile is the number of the file that the child writes its address to.
	wordFile = 3
)

// Main turns the process into the server if it is the child that Start
// started, and then never returns; otherwise it does nothing. It is among the
// first calls of main and of TestMain in every program that calls Start.
func Main() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	var o Options
	err := os.Unsetenv(childEnv)
	if err == nil {
		err = json.Unmarshal([]byte(text), &o)
	}
	if err == nil {
		err = serve(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "nats:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve runs the server until a signal asks it to end.
func serve(o Options) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	n, err := server.NewServer(o.settings())
	if err != nil {
		return err
	}
	n.ConfigureLogger()
	go n.Start()
	if !n.ReadyForConnections(startBound) || !n.JetStreamEnabled() {
		return errors.New("not ready: is its port free, its directory not in use?")
	}
	word := os.NewFile(wordFile, "parent")
	_, err = word.WriteString(n.Addr().String())
	if err := errors.Join(err, word.Close()); err != nil {
		return fmt.Errorf("say that it is ready: %w", err)
	}
	<-signals
	n.Shutdown()
	n.WaitForShutdown()
	return nil
}

// settings are those of the server; it logs to standard error.
func (o Options) settings() *server.Options {
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	return &server.Options{
		ServerName: "tocsin-devstack",
		Host:       loopback.Host,
		Port:       o.Port,
		JetStream:  true,
		StoreDir:   o.Dir,
		SyncAlways: o.SyncAlways,
		NoSigs:     true, // they are waited for here
	}
}
