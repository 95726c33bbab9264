package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// refusal is that a broker does not take this client, or this client not the
// broker: where in the configuration, why, and what to do about it.
type refusal struct {
	place, says, mend string
	err               error
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%s: %s: %s. %s%s", r.place, r.says, strings.TrimSuffix(r.err.Error(), "."), strings.ToUpper(r.mend[:1]), r.mend[1:])
}

func (r *refusal) Unwrap() error { return r.err }

// finding is the refusal in the result of a check.
func (r *refusal) finding(part string) finding {
	return finding{Part: part, Level: levelFailure, Place: r.place, Says: r.says + ": " + strings.TrimSuffix(r.err.Error(), "."), Mend: r.mend}
}

// waitLogin is what is waited for after a refusal.
const waitLogin = "Kafka: a certificate, password or token that is accepted"

// unreadable is that a file cannot be read, which is read again for the next
// connection; nil when err is.
func unreadable(place string, err error) error {
	if err == nil {
		return nil
	}
	return &refusal{place, "a file cannot be used", "put it right; it is read again for the next connection", err}
}

// refused returns the refusal that an error of the Kafka client is, and nil
// when it is another. Nothing of a refusal stops a worker: what is on the disk,
// or on the broker, is put right while it waits.
func (k *kafkaConfig) refused(err error) *refusal {
	var known *refusal
	if err == nil || errors.As(err, &known) {
		return known
	}
	return k.reason(err)
}

// suspected is refused for a client that has yet to reach the broker: whose
// connection is closed on it then has come to the wrong port, more likely than
// to a broker that ends.
func (k *kafkaConfig) suspected(err error) *refusal {
	var closed *kgo.ErrFirstReadEOF
	switch r := k.refused(err); {
	case errors.Is(err, kerr.IllegalSaslState):
		return &refusal{"kafka.sasl", "the broker's port knows no SASL", "name the SASL port of the brokers in kafka.brokers, or take kafka.sasl away", err}
	case r != nil || !errors.As(err, &closed):
		return r
	case k.SASL == nil && strings.Contains(err.Error(), "SASL"): // its kinds have no names
		return &refusal{"kafka.sasl", "the broker closes the connection, as it does when it wants SASL", "set kafka.sasl", err}
	case k.TLS == nil && strings.Contains(err.Error(), "TLS"):
		return &refusal{"kafka.tls", "the broker closes the connection, as it does when it speaks TLS", "set kafka.tls", err}
	case k.TLS != nil:
		return &refusal{"kafka.tls", "the broker closes the connection, as it does when it speaks no TLS", "name the TLS port of the brokers in kafka.brokers, or take kafka.tls away", err}
	}
	return nil
}

func (k *kafkaConfig) reason(err error) *refusal {
	is := func(place, says, mend string) *refusal { return &refusal{place, says, mend, err} }
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		op        *net.OpError
	)
	alert := k.TLS != nil && errors.As(err, &op) && op.Op == "remote error" // as crypto/tls says it
	switch {
	case errors.As(err, &authority) && (k.TLS == nil || k.TLS.CA == ""):
		return is("kafka.tls", "the broker's certificate is of none of the system's authorities", "name its authority in kafka.tls.ca")
	case errors.As(err, &authority):
		return is("kafka.tls.ca", "the broker's certificate is of none of the authorities in "+k.TLS.CA, "add its authority to the file")
	case errors.As(err, &name):
		return is("kafka.tls.server_name", "the broker's certificate has another name", "give the name that it has, or have the broker given one with the name in kafka.brokers")
	case errors.As(err, &invalid):
		return is("kafka.brokers", "the broker's certificate is not valid", "replace it on the broker; if it is, look at this machine's clock")
	case alert && k.TLS.Cert == "":
		return is("kafka.tls.cert", "the broker breaks the connection off, as it does when it demands a certificate and none is shown", "give kafka.tls.cert and kafka.tls.key")
	case alert:
		return is("kafka.tls.cert", "the broker does not take the certificate in "+k.TLS.Cert, "replace the file, and its key, by one that has not expired, of an authority that the broker trusts")
	case errors.As(err, &record):
		return is("kafka.tls", "what answers speaks no TLS", "name the TLS port of the brokers in kafka.brokers, or take kafka.tls away")
	case k.TLS == nil && strings.Contains(err.Error(), "tls alert"): // kgo has no name for it
		return is("kafka.tls", "the broker speaks TLS", "set kafka.tls")
	case errors.Is(err, kerr.SaslAuthenticationFailed) && k.SASL != nil && k.SASL.Mechanism == saslOAuth:
		return k.SASL.tokenRefused(err)
	case errors.Is(err, kerr.SaslAuthenticationFailed) && k.SASL != nil:
		return is("kafka.sasl", "the broker does not take user and password by "+k.SASL.Mechanism, "correct kafka.sasl.user and kafka.sasl.password, or make the user on the broker")
	case errors.Is(err, kerr.UnsupportedSaslMechanism) && k.SASL != nil:
		return is("kafka.sasl.mechanism", "the broker has no "+k.SASL.Mechanism, "choose one of its sasl.enabled.mechanisms")
	case errors.Is(err, kerr.IllegalSaslState): // a second login within a second, as a session of a token's last moments takes
		return is("kafka.sasl", "the broker takes no further login on the connection", "replace a token well before it expires, and let connections.max.reauth.ms of the broker be some seconds or more")
	}
	return nil
}
