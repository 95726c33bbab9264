package config

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	saslplain "github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/pipeline"
)

// SASL is how a client authenticates to Kafka.
type SASL struct {
	Mechanism string             `yaml:"mechanism,required" words:"PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER"`
	User      credentials.Secret `yaml:"user"`
	Password  credentials.Secret `yaml:"password"`
	Token     credentials.Secret `yaml:"token"`
}

// Mechanisms of SASL, by Kafka's names.
const (
	saslPlain    = "PLAIN"
	saslScram256 = "SCRAM-SHA-256"
	saslScram512 = "SCRAM-SHA-512"
	saslOAuth    = "OAUTHBEARER"
)

// mechanism makes the client's side of the mechanism. It reads the secrets for each
// session, and so again before a session ends, where the broker bounds sessions.
func (s *SASL) mechanism() sasl.Mechanism {
	login := credentials.Login{User: s.User, Password: s.Password}
	switch s.Mechanism {
	case saslPlain:
		return saslplain.Plain(func(context.Context) (saslplain.Auth, error) {
			user, password, err := login.Read()
			return saslplain.Auth{User: user, Pass: password}, unreadable("kafka.sasl", err)
		})
	case saslScram256, saslScram512:
		auth := func(context.Context) (scram.Auth, error) {
			user, password, err := login.Read()
			return scram.Auth{User: user, Pass: password}, unreadable("kafka.sasl", err)
		}
		if s.Mechanism == saslScram256 {
			return scram.Sha256(auth)
		}
		return scram.Sha512(auth)
	}
	return bearer{oauth.Oauth(func(context.Context) (oauth.Auth, error) {
		token, err := s.Token.Read()
		return oauth.Auth{Token: token}, unreadable("kafka.sasl.token", err)
	}), s}
}

// bearer is OAUTHBEARER that reports why a token is refused.
type bearer struct {
	sasl.Mechanism
	config *SASL
}

func (b bearer) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	session, first, err := b.Mechanism.Authenticate(ctx, host)
	return bearerSession{session, b.config}, first, err
}

type bearerSession struct {
	sasl.Session
	config *SASL
}

// Challenge implements sasl.Session. A broker that accepts the token sends an empty
// challenge, one that rejects it the status (RFC 7628, 3.2.2).
func (b bearerSession) Challenge(challenge []byte) (bool, []byte, error) {
	if len(challenge) == 0 {
		return b.Session.Challenge(challenge)
	}
	var answer struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(challenge, &answer); err != nil {
		answer.Status = "an answer without a status"
	}
	return false, nil, b.config.tokenRefused(errors.New(answer.Status))
}

func (s *SASL) tokenRefused(err error) *Refusal {
	return &Refusal{"kafka.sasl.token", "the broker rejects the token of " + s.Token.String(), "replace it by one that has not expired, of the issuer and for the audience that the broker expects", err}
}

// check returns the settings that the mechanism lacks, or has and does not need.
func (s *SASL) check() (all []*pipeline.Mistake) {
	if s == nil {
		return nil
	}
	const mechanism, user, password, token = "kafka.sasl.mechanism", "kafka.sasl.user", "kafka.sasl.password", "kafka.sasl.token"
	switch s.Mechanism {
	case saslPlain, saslScram256, saslScram512:
		if s.User.IsZero() || s.Password.IsZero() {
			all = append(all, wrong("kafka.sasl.mechanism %s needs user and password: give both", s.Mechanism).At(mechanism, user, password))
		}
		if !s.Token.IsZero() {
			all = append(all, wrong("kafka.sasl.token is for the mechanism OAUTHBEARER: remove it").At(token, mechanism))
		}
	case saslOAuth:
		if s.Token.IsZero() {
			all = append(all, wrong("kafka.sasl.mechanism OAUTHBEARER needs token: give it as file:/path of a file that is kept fresh").At(mechanism, token))
		}
		if !s.User.IsZero() || !s.Password.IsZero() {
			all = append(all, wrong("kafka.sasl.mechanism OAUTHBEARER has no user and no password, because the token identifies the client: remove both").At(mechanism, user, password))
		}
	}
	return all
}
