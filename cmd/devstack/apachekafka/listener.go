package apachekafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Listener is one more listener of each broker, over TLS, where clients prove
// who they are. Those of the listener that every cluster has do not: to the
// broker they are User:ANONYMOUS.
type Listener struct {
	// Name is in upper case, and the prefix of the listener's settings, which
	// can be altered while it runs, in lower case: see Setting.
	Name string
	// Store is a PEM file of the broker's key and its chain.
	Store string
	// Trust is a PEM file of the authorities of clients' certificates. Empty
	// means that no certificate is demanded.
	Trust string
	// Mechanisms are those of SASL, by Kafka's names. None means that a client
	// has the name of its certificate. Users of SCRAM are made in the running
	// cluster.
	Mechanisms []string
	// Users are those of PLAIN, with their passwords.
	Users map[string]string
	// Keys is a JWKS file of the keys that sign the tokens of OAUTHBEARER, which
	// are of Issuer and for Audience.
	Keys string
	// Advertised is as Options.Advertised.
	Advertised []string
	// Properties are further settings, without the listener's prefix.
	Properties map[string]string
}

// Of whom, and for whom, the tokens must be that a broker takes.
const (
	Issuer   = "https://login.invalid"
	Audience = "kafka"
)

// Setting is the name by which a setting of the listener can be altered.
func (l *Listener) Setting(name string) string {
	return "listener.name." + strings.ToLower(l.Name) + "." + name
}

// protocol is the listener's, in the map of protocols.
func (l *Listener) protocol() string {
	if len(l.Mechanisms) > 0 {
		return "SASL_SSL"
	}
	return "SSL"
}

// settings are the broker's settings of the listener.
func (l *Listener) settings() map[string]string {
	all := map[string]string{"ssl.keystore.type": "PEM", "ssl.keystore.location": l.Store, "ssl.client.auth": "none"}
	if l.Trust != "" {
		maps.Copy(all, map[string]string{"ssl.truststore.type": "PEM", "ssl.truststore.location": l.Trust, "ssl.client.auth": "required"})
	}
	if len(l.Mechanisms) > 0 {
		all["sasl.enabled.mechanisms"] = strings.Join(l.Mechanisms, ",")
	}
	const modules = "org.apache.kafka.common.security."
	for _, m := range l.Mechanisms {
		module := modules + "scram.ScramLoginModule required"
		switch m {
		case "PLAIN":
			module = modules + "plain.PlainLoginModule required"
			for _, user := range slices.Sorted(maps.Keys(l.Users)) {
				module += fmt.Sprintf(" user_%s=%q", user, l.Users[user])
			}
		case "OAUTHBEARER":
			module = modules + "oauthbearer.OAuthBearerLoginModule required"
			maps.Copy(all, map[string]string{
				"oauthbearer.sasl.server.callback.handler.class": modules + "oauthbearer.OAuthBearerValidatorCallbackHandler",
				"sasl.oauthbearer.jwks.endpoint.url":             "file://" + l.Keys,
				"sasl.oauthbearer.expected.issuer":               Issuer,
				"sasl.oauthbearer.expected.audience":             Audience,
				"sasl.oauthbearer.clock.skew.seconds":            "0",
			})
		}
		all[strings.ToLower(m)+".sasl.jaas.config"] = module + ";"
	}
	maps.Copy(all, l.Properties)
	prefixed := make(map[string]string, len(all))
	for name, value := range all {
		prefixed[l.Setting(name)] = value
	}
	return prefixed
}

// bound is a listener of one node.
type bound struct {
	*Listener
	Addr, Sent string // where it listens, and where clients are sent
}

// Protocol is its protocol, for the template.
func (b bound) Protocol() string { return b.protocol() }
