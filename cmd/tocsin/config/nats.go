package config

import (
	"time"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/pipeline"
)

// NATS is the section nats.
type NATS struct {
	Servers         []string      `yaml:"servers,required"`
	Stream          string        `yaml:"stream"`
	SubjectPrefix   string        `yaml:"subject_prefix"`
	Replicas        int           `yaml:"replicas"`
	MaxAge          time.Duration `yaml:"max_age"`
	ReconcileEvery  time.Duration `yaml:"reconcile_every"`
	ReconcileWindow time.Duration `yaml:"reconcile_window"`
	Payload         string        `yaml:"payload" words:"minimal full"`

	User     credentials.Secret `yaml:"user"`
	Password credentials.Secret `yaml:"password"`
	Creds    string             `yaml:"creds"`
	NKey     string             `yaml:"nkey"`
	TLS      *credentials.TLS   `yaml:"tls"`
}

var defaultNATS = NATS{Stream: "DISCLOSURE", SubjectPrefix: "disclosure.candidate", Replicas: 1,
	// Seven years: the retention that issuers adopt by analogy with
	// 17 CFR 210.2-06.
	MaxAge: 7 * 365 * 24 * time.Hour, Payload: "minimal",
	ReconcileEvery: 10 * time.Minute, ReconcileWindow: 48 * time.Hour}

// check returns what is wrong with the section alone.
func (n *NATS) check() (all []*pipeline.Mistake) {
	if n.Replicas < 1 || n.Replicas > 5 {
		all = append(all, wrong("nats.replicas is %s: want 1 to 5", is("nats.replicas", n.Replicas)))
	}
	var given []string
	for _, login := range []struct {
		key   string
		given bool
	}{{"nats.user", !n.User.IsZero()}, {"nats.creds", n.Creds != ""}, {"nats.nkey", n.NKey != ""}} {
		if login.given {
			given = append(given, login.key)
		}
	}
	if len(given) > 1 {
		all = append(all, wrong("nats has more than one of user, creds and nkey: the server takes one, keep that").At(given...))
	}
	if n.User.IsZero() != n.Password.IsZero() {
		all = append(all, wrong("nats.user and nats.password belong together: give both or none").At("nats.user", "nats.password"))
	}
	return all
}
