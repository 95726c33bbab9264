package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	saslplain "github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"tocsin/cmd/tocsin/credentials"
)

// saslConfig is how a client proves to Kafka who it is.
type saslConfig struct {
	Mechanism string             `yaml:"mechanism,required"`
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

// mechanism makes the client's side of it. Its secrets are read for each
// session, and so again before a session ends, where the broker bounds them.
func (s *saslConfig) mechanism() sasl.Mechanism {
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

// bearer is OAUTHBEARER that says why a token is refused.
type bearer struct {
	sasl.Mechanism
	config *saslConfig
}

func (b bearer) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	session, first, err := b.Mechanism.Authenticate(ctx, host)
	return bearerSession{session, b.config}, first, err
}

type bearerSession struct {
	sasl.Session
	config *saslConfig
}

// Challenge implements sasl.Session. A broker that takes the token challenges
// with nothing; one that does not, with its status (RFC 7628, 3.2.2).
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

func (s *saslConfig) tokenRefused(err error) *refusal {
	return &refusal{"kafka.sasl.token", "the broker does not take the token of " + s.Token.String(), "replace it by one that has not expired, of the issuer and for the audience that the broker wants", err}
}

// validate checks that the mechanism is known and has what it needs.
func (s *saslConfig) validate() (problems []string) {
	if s == nil {
		return nil
	}
	switch s.Mechanism {
	case saslPlain, saslScram256, saslScram512:
		if s.User.IsZero() || s.Password.IsZero() {
			problems = append(problems, fmt.Sprintf("kafka.sasl.mechanism %s needs user and password", s.Mechanism))
		}
		if !s.Token.IsZero() {
			problems = append(problems, "kafka.sasl.token is for the mechanism OAUTHBEARER: take it away")
		}
	case saslOAuth:
		if s.Token.IsZero() {
			problems = append(problems, "kafka.sasl.mechanism OAUTHBEARER needs token, as file:/path of a file that is kept fresh")
		}
		if !s.User.IsZero() || !s.Password.IsZero() {
			problems = append(problems, "kafka.sasl.mechanism OAUTHBEARER has no user and no password: the token says who it is")
		}
	default:
		problems = append(problems, fmt.Sprintf("kafka.sasl.mechanism is %q: want %s", s.Mechanism, strings.Join([]string{saslPlain, saslScram256, saslScram512, saslOAuth}, ", ")))
	}
	return problems
}
