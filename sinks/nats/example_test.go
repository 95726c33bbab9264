package nats_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/sinks/nats"
)

// candidate is as much of an alert's body as this subscriber reads.
type candidate struct {
	ID   string `json:"id"`
	Data struct {
		Severity  string    `json:"severity"`
		Item      string    `json:"item"`
		Title     string    `json:"title"`
		Statement string    `json:"statement"`
		DueAt     time.Time `json:"due_at_conservative"`
		Runbook   string    `json:"runbook"`
	} `json:"data"`
}

// A subscriber that receives every candidate of the two highest severities,
// again until it has acknowledged it, across its own restarts.
func Example_subscriber() {
	url, end := exampleServer()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	conn, err := client.Connect(url)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		log.Fatal(err)
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, "DISCLOSURE", jetstream.ConsumerConfig{
		Durable:        "disclosure-committee", // the server remembers what it acknowledged
		FilterSubjects: []string{"disclosure.candidate.*.*.S1.*", "disclosure.candidate.*.*.S2.*"},
		DeliverPolicy:  jetstream.DeliverAllPolicy, // from the oldest one kept
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        time.Minute,
		MaxDeliver:     -1, // never give up on a candidate
		BackOff:        []time.Duration{time.Minute, 10 * time.Minute, time.Hour},
	})
	if err != nil {
		log.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		log.Fatal(err)
	}
	defer messages.Stop()
	for range 2 { // a real subscriber does not end
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			log.Fatal(err)
		}
		var c candidate
		if err := json.Unmarshal(m.Data(), &c); err != nil {
			log.Fatal(err) // not acknowledged: it comes again
		}
		// Here it would be put before somebody. c.ID is the same in every
		// delivery: use it as the key of whatever is created.
		fmt.Printf("%s, Item %s, due %s: %s\n", c.Data.Severity, c.Data.Item, c.Data.DueAt.Format(time.RFC3339), c.Data.Title)
		if err := m.DoubleAck(ctx); err != nil { // only when that is done
			log.Fatal(err)
		}
	}
	// Output:
	// S1, Item 1.01, due 2026-03-05T22:30:00Z: Material definitive agreement outside the ordinary course
	// S1, Item 1.01, due 2026-03-05T22:30:00Z: Material definitive agreement outside the ordinary course
}

// exampleServer is a server on which two alerts were published.
func exampleServer() (url string, end func()) {
	dir, err := os.MkdirTemp("", "tocsin-nats-")
	if err != nil {
		log.Fatal(err)
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		log.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(bound) {
		log.Fatal("the NATS server did not start")
	}
	sink, err := nats.Open(context.Background(), nats.Config{Servers: []string{s.ClientURL()}, CreateStream: true})
	if err != nil {
		log.Fatal(err)
	}
	defer sink.Close()
	if err := sink.Publish(context.Background(), alerts(0, 2)); err != nil {
		log.Fatal(err)
	}
	return s.ClientURL(), func() {
		stop(s)
		if err := os.RemoveAll(dir); err != nil {
			log.Fatal(err)
		}
	}
}
