package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// refused returns the refusal behind an error of the Kafka client, or nil. No
// refusal stops a worker: files and brokers are corrected while it waits.
func (k *Kafka) refused(err error) *Refusal {
	var known *Refusal
	if err == nil || errors.As(err, &known) {
		return known
	}
	return k.reason(err)
}

// Suspected is refused for a client that never reached the broker. A connection
// closed that early more likely means a wrong port than a broker shutting down.
func (k *Kafka) Suspected(err error) *Refusal {
	var closed *kgo.ErrFirstReadEOF
	switch r := k.refused(err); {
	case errors.Is(err, kerr.IllegalSaslState):
		return &Refusal{"kafka.sasl", "the broker's port has no SASL", "name the SASL port of the brokers in kafka.brokers, or remove kafka.sasl", err}
	case r != nil || !errors.As(err, &closed):
		return r
	case k.SASL == nil && strings.Contains(err.Error(), "SASL"): // package kgo has no name for it
		return &Refusal{"kafka.sasl", "the broker closes the connection, as one that requires SASL does", "set kafka.sasl", err}
	case k.TLS == nil && strings.Contains(err.Error(), "TLS"):
		return &Refusal{"kafka.tls", "the broker closes the connection, as one that requires TLS does", "set kafka.tls", err}
	case k.TLS != nil:
		return &Refusal{"kafka.tls", "the broker closes the connection, as one without TLS does", "name the TLS port of the brokers in kafka.brokers, or remove kafka.tls", err}
	}
	return nil
}

func (k *Kafka) reason(err error) *Refusal {
	is := func(place, reason, remedy string) *Refusal { return &Refusal{place, reason, remedy, err} }
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		op        *net.OpError
	)
	alert := k.TLS != nil && errors.As(err, &op) && op.Op == "remote error" // the name that crypto/tls gives an alert
	switch {
	case errors.As(err, &authority) && (k.TLS == nil || k.TLS.CA == ""):
		return is("kafka.tls", "none of the system's authorities signed the broker's certificate", "name its authority in kafka.tls.ca")
	case errors.As(err, &authority):
		return is("kafka.tls.ca", "none of the authorities in "+k.TLS.CA+" signed the broker's certificate", "add its authority to the file")
	case errors.As(err, &name):
		return is("kafka.tls.server_name", "the broker's certificate has another name", "set it to a name in the certificate, or give the broker a certificate with the name in kafka.brokers")
	case errors.As(err, &invalid):
		return is("kafka.brokers", "the broker's certificate is not valid", "replace it on the broker; if it is valid, correct this machine's clock")
	case alert && k.TLS.Cert == "":
		return is("kafka.tls.cert", "the broker breaks the connection off, as one that requires a client certificate does", "give kafka.tls.cert and kafka.tls.key")
	case alert:
		return is("kafka.tls.cert", "the broker rejects the certificate in "+k.TLS.Cert, "replace the file, and its key, by a certificate that has not expired, of an authority that the broker trusts")
	case errors.As(err, &record):
		return is("kafka.tls", "the server that answers has no TLS", "name the TLS port of the brokers in kafka.brokers, or remove kafka.tls")
	case k.TLS == nil && strings.Contains(err.Error(), "tls alert"): // kgo has no name for it
		return is("kafka.tls", "the broker requires TLS", "set kafka.tls")
	case errors.Is(err, kerr.SaslAuthenticationFailed) && k.SASL != nil && k.SASL.Mechanism == saslOAuth:
		return k.SASL.tokenRefused(err)
	case errors.Is(err, kerr.SaslAuthenticationFailed) && k.SASL != nil:
		return is("kafka.sasl", "the broker rejects user and password by "+k.SASL.Mechanism, "correct kafka.sasl.user and kafka.sasl.password, or create the user on the broker")
	case errors.Is(err, kerr.UnsupportedSaslMechanism) && k.SASL != nil:
		return is("kafka.sasl.mechanism", "the broker has no "+k.SASL.Mechanism, "choose one of its sasl.enabled.mechanisms")
	case errors.Is(err, kerr.IllegalSaslState): // a second login within a second, as at the end of a token's life
		return is("kafka.sasl", "the broker rejects another login on the connection", "replace a token well before it expires, and set connections.max.reauth.ms of the broker to some seconds or more")
	}
	return nil
}
