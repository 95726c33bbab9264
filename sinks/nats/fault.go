package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
)

// Error codes of JetStream's API that nats.go does not name (nats-server,
// server/errors.json).
const (
	codeReplicas   jetstream.ErrorCode = 10074 // replicas > 1 without a cluster
	codeNoPeers    jetstream.ErrorCode = 10005 // no suitable peers for placement
	codeMsgIDInUse jetstream.ErrorCode = 10158 // duplicate message id is in process
)

// passing are the codes of conditions that pass or that an operator corrects, with
// the text of the wait. A code of class 503 waits too. Any other code stops the
// worker: an unknown error must neither count as a success nor be retried for ever
// in silence.
var passing = map[jetstream.ErrorCode]string{
	10002:          "NATS: the account's storage is used up",
	10023:          "NATS: the server is short of resources",
	10028:          "NATS: the server's memory for streams is used up",
	10047:          "NATS: the server's storage for streams is used up",
	10077:          "NATS: the stream is full or cannot write", // max bytes, max messages, or the disk
	10120:          "NATS: the account has no limits set for JetStream",
	10053:          "NATS: the stream's limits refuse",
	10004:          "NATS: the cluster is incomplete",
	codeNoPeers:    "NATS: the cluster has too few servers",
	10008:          "NATS: the cluster has no leader",
	10009:          "NATS: the server is not the cluster's leader",
	10041:          "NATS: the cluster is unsettled",
	10051:          "NATS: the stream reports an error of its own",
	10118:          "NATS: the stream is offline",
	10194:          "NATS: the stream is offline",
	10163:          "NATS: the stream's new leader is not ready",
	10035:          "NATS: the account is not found",
	10039:          "NATS: JetStream is off for the account",
	10076:          "NATS: JetStream is off",
	10059:          "NATS: the stream is missing",
	codeMsgIDInUse: "NATS: the alert is being published by another worker",
	10164:          "NATS: the alert is being published by another worker",
}

// cause is an error of the client and the text of its wait.
type cause struct {
	err  error
	what string
}

// denied are the errors that an operator corrects.
var denied = []cause{
	{nats.ErrAuthorization, "NATS: credentials are refused"},
	{nats.ErrAuthExpired, "NATS: credentials have expired"},
	{nats.ErrAuthRevoked, "NATS: credentials are revoked"},
	{nats.ErrAccountAuthExpired, "NATS: the account has expired"},
	{nats.ErrPermissionViolation, "NATS: a permission that the user has not"},
}

// away are the errors that pass.
var away = []cause{
	{jetstream.ErrNoStreamResponse, "NATS: no stream takes the alerts"},
	{nats.ErrNoResponders, "NATS: no stream takes the alerts"},
	{jetstream.ErrStreamNotFound, "NATS: the stream is missing"},
	{jetstream.ErrTooManyStalledMsgs, "NATS: the server is slow to acknowledge"},
	{nats.ErrMaxConnectionsExceeded, "NATS: the server takes no more connections"},
	{nats.ErrDisconnected, "NATS: not connected"},
	{nats.ErrConnectionReconnecting, "NATS: not connected"},
	{nats.ErrReconnectBufExceeded, "NATS: not connected"},
	{nats.ErrStaleConnection, "NATS: not connected"},
	{nats.ErrTimeout, "NATS: no answer in time"},
	{jetstream.ErrAsyncPublishTimeout, "NATS: no answer in time"},
	{context.DeadlineExceeded, "NATS: no answer in time"},
}

// fault sorts an error of the client or the server into those that are waited
// for and those that stop the worker.
func (s *Sink) fault(err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("nats: broken off: %w", err)
	}
	var api *jetstream.APIError
	if errors.As(err, &api) {
		what, ok := passing[api.ErrorCode]
		if !ok && api.Code == 503 {
			what, ok = fmt.Sprintf("NATS: JetStream refuses for now (code %d)", api.ErrorCode), true
		}
		if ok {
			return pipeline.Wait(what, err)
		}
		return fmt.Errorf("nats: JetStream refuses with code %d, which this version does not know how to wait for; see the server's log: %w", api.ErrorCode, err)
	}
	if what, ok := find(denied, err); ok {
		return pipeline.Wait(what, granted(err))
	}
	what, ok := find(away, err)
	var broken *net.OpError
	if !ok && errors.As(err, &broken) && !isTLS(err) {
		what, ok = "NATS: not connected", true // the connection broke while the client wrote to it
	}
	if !ok {
		return fmt.Errorf("nats: %w", err)
	}
	// The server does not answer a publish that it does not permit, and refused
	// credentials or certificates look like an absent server. The connection holds
	// the true cause.
	if last := s.denied(); last != nil {
		if why, ok := find(denied, last); ok {
			return pipeline.Wait(why, errors.Join(err, granted(last)))
		}
		if isTLS(last) {
			return pipeline.Wait(waitCertificate, errors.Join(err, last))
		}
	}
	return pipeline.Wait(what, err)
}

// denied is the first violation of a permission that no request has reported, or else
// the connection's last error. The first is the cause: a reader that may not read also
// fails to delete its consumer.
func (s *Sink) denied() error {
	select {
	case err := <-s.denials:
		return err
	default:
		return s.conn.LastError()
	}
}

// granted adds the remedy to the violation of a permission.
func granted(err error) error {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	return fmt.Errorf("%w. Grant it to the user: deploy/grants/nats.conf has all that each role needs", err)
}

// waitCertificate is the text of the wait when one end refuses the other's
// certificate.
const waitCertificate = "NATS: a certificate that is accepted"

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var alert *net.OpError // crypto/tls gives alerts, sent and received, this form
	// A server that refuses after the handshake, as TLS 1.3 has it, may have closed
	// the connection before its alert is read: the client then returns ErrTLS.
	return errors.As(err, &verification) || errors.Is(err, nats.ErrTLS) ||
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error")
}

func find(causes []cause, err error) (what string, ok bool) {
	for _, c := range causes {
		if errors.Is(err, c.err) {
			return c.what, true
		}
	}
	return "", false
}
