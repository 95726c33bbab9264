package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"tocsin/pipeline"
)

// class says what to do about an error code of the server.
type class struct {
	// wait is what is waited for, in the words an operator reads; empty means
	// that the worker stops.
	wait string
	mend string
}

// classes are the codes that are known. Every other one stops the worker: an
// error that nobody has thought about is looked at by a person, not retried
// and certainly not dropped. Codes: src/Common/ErrorCodes.cpp.
var classes = map[proto.Error]class{
	// The server is busy, going away or coming back.
	proto.ErrTimeoutExceeded:                   {wait: "the server to be faster", mend: "look at system.merges and the disk; or raise clickhouse.insert_timeout"},
	proto.ErrTooSlow:                           {wait: "the server to be faster", mend: "look at system.merges and the disk"},
	proto.ErrTooManySimultaneousQueries:        {wait: "fewer queries on the server", mend: "see system.processes, or raise max_concurrent_queries"},
	proto.ErrNoFreeConnection:                  {wait: "a free connection", mend: "see system.processes, or raise max_connections"},
	proto.ErrSocketTimeout:                     {wait: "the network", mend: "look at the network between worker and server"},
	proto.ErrNetworkError:                      {wait: "the network", mend: "look at the network between worker and server"},
	proto.ErrDNSError:                          {wait: "name resolution", mend: "the server cannot resolve a name it needs"},
	proto.ErrAborted:                           {wait: "the server to come back", mend: "the query was aborted, as happens when the server shuts down"},
	proto.ErrQueryWasCancelled:                 {wait: "the server to take the insert", mend: "somebody killed the query"},
	proto.ErrMemoryLimitExceeded:               {wait: "memory on the server", mend: "raise max_server_memory_usage, or lower worker.max_records"},
	proto.ErrNotEnoughSpace:                    {wait: "disk space", mend: "free or add disk space on the server; df -i tells whether it is files that are too many"},
	proto.ErrTooManyParts:                      {wait: "fewer parts in the table", mend: "merges lag behind: look at system.merges; raise worker.linger for larger batches"},
	proto.ErrUnexpectedPacketFromClient:        {wait: "a fresh connection", mend: "the connection fell out of step and is replaced"},
	proto.ErrAttemptToReadAfterEOF:             {wait: "a fresh connection", mend: "the connection ended in mid-message and is replaced"},
	proto.ErrTableIsReadOnly:                   {wait: "the table to be writable", mend: "see is_readonly and last_queue_update_exception in system.replicas"},
	proto.ErrReadonly:                          {wait: "leave to write", mend: "the user or the server is read-only: change the profile"},
	proto.ErrTooFewLiveReplicas:                {wait: "live replicas", mend: "see system.replicas"},
	proto.ErrUnsatisfiedQuorumForPreviousWrite: {wait: "the quorum of an earlier insert", mend: "see system.replicas"},
	proto.ErrUnknownStatusOfInsert:             {wait: "a definite answer", mend: "the same insert is sent again, which changes nothing if it was taken"},
	proto.ErrKeeperException:                   {wait: "Keeper", mend: "see system.zookeeper_connection"},
	proto.ErrNoZookeeper:                       {wait: "Keeper", mend: "see system.zookeeper_connection"},

	// An operator is needed, and while one comes the data stay in Kafka.
	proto.ErrUnknownUser:                {wait: "a valid user", mend: "correct clickhouse.user, or create the user"},
	proto.ErrWrongPassword:              {wait: "a valid password", mend: "correct clickhouse.password"},
	proto.ErrRequiredPassword:           {wait: "a valid password", mend: "set clickhouse.password"},
	proto.ErrAuthenticationFailed:       {wait: "a valid user and password", mend: "correct clickhouse.user and clickhouse.password"},
	proto.ErrAccessDenied:               {wait: "the right to write", mend: "GRANT SELECT, INSERT on the database to the user"},
	proto.ErrDatabaseAccessDenied:       {wait: "the right to use the database", mend: "GRANT SELECT, INSERT on the database to the user"},
	proto.ErrUnknownTable:               {wait: "the table", mend: "it was dropped or never made: restore it, or run tocsin migrate on a new database"},
	proto.ErrUnknownDatabase:            {wait: "the database", mend: "it was dropped or never made: restore it, or run tocsin migrate"},
	proto.ErrTableIsDropped:             {wait: "the table", mend: "it is being dropped: restore it"},
	proto.ErrQuotaExceeded:              {wait: "the user's quota", mend: "see system.quota_usage; a worker should have no quota"},
	proto.ErrCannotScheduleTask:         {wait: "threads on the server", mend: "raise max_thread_pool_size"},
	proto.ErrS3Error:                    {wait: "object storage", mend: "see the server's log"},
	proto.ErrServerOverloaded:           {wait: "the server to be less loaded", mend: "see system.asynchronous_metrics"},
	proto.ErrNoSuchColumnInTable:        {mend: "the table is not of this release: run tocsin migrate, or upgrade tocsin"},
	proto.ErrTypeMismatch:               {mend: "the table is not of this release: run tocsin check, which says what differs"},
	proto.ErrUnknownSetting:             {mend: "the server is older than 25.8, or not ClickHouse"},
	proto.ErrSettingConstraintViolation: {mend: "the user's profile forbids a setting that inserts need: insert_deduplicate, insert_deduplication_token, async_insert, max_execution_time"},
	proto.ErrQueryIsProhibited:          {mend: "the server forbids the statement: see its settings"},
	proto.ErrTooManyBytes:               {mend: "the user's profile limits what a query may read: lift the limit for the worker"},
	proto.ErrTooManyRows:                {mend: "the user's profile limits what a query may read: lift the limit for the worker"},
	proto.ErrTooManyRowsOrBytes:         {mend: "the user's profile limits what a query may read: lift the limit for the worker"},
	proto.ErrSizesOfArraysDontMatch:     {mend: "a mistake in tocsin: please report it"},
}

// serverError is an error of the server. Its message may quote records, which
// are material non-public information, so only the code and its name are kept.
type serverError struct {
	code proto.Error
	mend string
}

// Error implements error.
func (e *serverError) Error() string { return fmt.Sprintf("server error %v: %s", e.code, e.mend) }

const (
	// prefix begins what is waited for, so that an operator knows which server.
	prefix = "ClickHouse: "
	// unreachable is waited for when no server answers.
	unreachable = prefix + "the server to be reachable"
)

// classified turns an error of the driver into one of pipeline.Store: made by
// pipeline.Wait when time or an operator cures it. ctx is the caller's.
func classified(ctx context.Context, err error) error {
	var exception *clickhouse.Exception
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exception):
		code := proto.Error(exception.Code)
		c, known := classes[code]
		switch {
		case isFull(exception.Message):
			c = classes[proto.ErrNotEnoughSpace]
		case code == proto.ErrAccessDenied:
			if right := missingRight(exception.Message); right != "" {
				return lacking(right)
			}
		case !known:
			c.mend = "it is none that this release knows how to wait for; the server's log has the details"
		}
		failure := &serverError{code, c.mend}
		if c.wait == "" {
			return fmt.Errorf("clickhouse: %w", failure)
		}
		return pipeline.Wait(prefix+c.wait, failure)
	case ctx.Err() != nil:
		return fmt.Errorf("clickhouse: %w", context.Cause(ctx))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.Canceled):
		return pipeline.Wait(prefix+"an answer within insert_timeout", err)
	case errors.Is(err, clickhouse.ErrAcquireConnTimeout):
		return pipeline.Wait(unreachable, err)
	case errors.Is(err, errLogin):
		return pipeline.Wait(prefix+"a password or a certificate that can be read", err)
	case isTLS(err):
		return pipeline.Wait(prefix+"a certificate that is accepted", err)
	case isNetwork(err):
		return pipeline.Wait(unreachable, err)
	}
	return fmt.Errorf("clickhouse: %w", err)
}

// refusal is what a server says of the right that an operation takes, and then
// of what of it the user lacks. It is made of words and names alone: of what else
// a message says nothing is kept; columns, which may be hundreds, neither.
var refusal = regexp.MustCompile("(?:to have the grant|Missing permissions:) ([A-Z][A-Z ,]*[A-Z])(?:\\([\\w., `]+\\))?(?: for at least one column)? (?:ON|on) ([\\w.*`]*[\\w*`])")

// passing names are of what CREATE OR REPLACE makes on the way.
var passing = regexp.MustCompile(`_tmp_replace_\w+`)

// missingRight is the right that a refusal names, as GRANT says it; empty when it
// names none.
func missingRight(message string) string {
	said := refusal.FindAllStringSubmatch(message, -1)
	if said == nil {
		return ""
	}
	last := said[len(said)-1]
	return last[1] + " ON " + passing.ReplaceAllString(last[2], "*")
}

// lacking is that the user has not a right, said as GRANT says it.
func lacking(right string) error {
	return pipeline.Wait(prefix+"the right "+right, &serverError{proto.ErrAccessDenied, "GRANT " + right + " to the user; deploy/grants has all that each role needs"})
}

// isFull reports whether the server's system refused it space. 243 comes when
// space for a part cannot be reserved; when it, or the last inode, goes after
// that, the code is of whatever failed (75 a write, 76 an open, 1001 a
// directory) and only the text tells it from a fault that time does not cure.
func isFull(message string) bool {
	return strings.Contains(message, "No space left on device") || strings.Contains(message, "Disk quota exceeded")
}

// isNetwork reports whether err says that a connection could not be made or
// broke.
func isNetwork(err error) bool {
	var network net.Error
	var number syscall.Errno
	return errors.As(err, &network) || errors.As(err, &number) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, clickhouse.ErrConnectionClosed) || errors.Is(err, clickhouse.ErrAcquireConnNoAddress)
}

// isTLS reports whether one end did not like what the other showed.
func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError // crypto/tls gives alerts, sent and received, this form
	return errors.As(err, &verification) || errors.As(err, &record) ||
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error")
}
