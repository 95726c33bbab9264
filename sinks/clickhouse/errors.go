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

// class is the treatment of one error code of the server.
type class struct {
	// wait names the condition that the worker waits for, for operators. Empty
	// means that the worker stops.
	wait   string
	remedy string
}

// classes are the known codes. Any other code stops the worker: a person looks at
// an unforeseen error; it is never retried, and no data are dropped. The codes
// are those of src/Common/ErrorCodes.cpp.
var classes = map[proto.Error]class{
	// The server is busy, going away or coming back.
	proto.ErrTimeoutExceeded:                   {wait: "the server to be faster", remedy: "look at system.merges and the disk; or raise clickhouse.insert_timeout"},
	proto.ErrTooSlow:                           {wait: "the server to be faster", remedy: "look at system.merges and the disk"},
	proto.ErrTooManySimultaneousQueries:        {wait: "fewer queries on the server", remedy: "see system.processes, or raise max_concurrent_queries"},
	proto.ErrNoFreeConnection:                  {wait: "a free connection", remedy: "see system.processes, or raise max_connections"},
	proto.ErrSocketTimeout:                     {wait: "the network", remedy: "look at the network between worker and server"},
	proto.ErrNetworkError:                      {wait: "the network", remedy: "look at the network between worker and server"},
	proto.ErrDNSError:                          {wait: "name resolution", remedy: "the server cannot resolve a name it needs"},
	proto.ErrAborted:                           {wait: "the server to come back", remedy: "the query was aborted, as happens when the server shuts down"},
	proto.ErrQueryWasCancelled:                 {wait: "the server to take the insert", remedy: "the query was killed"},
	proto.ErrMemoryLimitExceeded:               {wait: "memory on the server", remedy: "raise max_server_memory_usage; where an insert waits, lower worker.max_records"},
	proto.ErrNotEnoughSpace:                    {wait: "disk space", remedy: "free or add disk space on the server; df -i shows whether inodes are exhausted"},
	proto.ErrTooManyParts:                      {wait: "fewer parts in the table", remedy: "merges lag behind: look at system.merges; raise worker.linger for larger batches"},
	proto.ErrUnexpectedPacketFromClient:        {wait: "a fresh connection", remedy: "the connection fell out of step and is replaced"},
	proto.ErrAttemptToReadAfterEOF:             {wait: "a fresh connection", remedy: "the connection ended in mid-message and is replaced"},
	proto.ErrTableIsReadOnly:                   {wait: "the table to be writable", remedy: "see is_readonly and last_queue_update_exception in system.replicas"},
	proto.ErrReadonly:                          {wait: "leave to write", remedy: "the user or the server is read-only: change the profile"},
	proto.ErrTooFewLiveReplicas:                {wait: "live replicas", remedy: "see system.replicas"},
	proto.ErrUnsatisfiedQuorumForPreviousWrite: {wait: "the quorum of an earlier insert", remedy: "see system.replicas"},
	proto.ErrUnknownStatusOfInsert:             {wait: "a definite answer", remedy: "the same insert is sent again, which changes nothing if it was taken"},
	proto.ErrKeeperException:                   {wait: "Keeper", remedy: "see system.zookeeper_connection"},
	proto.ErrNoZookeeper:                       {wait: "Keeper", remedy: "see system.zookeeper_connection"},

	// An operator is needed. Until then the data stay in Kafka.
	proto.ErrUnknownUser:                {wait: "a valid user", remedy: "correct clickhouse.user, or create the user"},
	proto.ErrWrongPassword:              {wait: "a valid password", remedy: "correct clickhouse.password"},
	proto.ErrRequiredPassword:           {wait: "a valid password", remedy: "set clickhouse.password"},
	proto.ErrAuthenticationFailed:       {wait: "a valid user and password", remedy: "correct clickhouse.user and clickhouse.password"},
	proto.ErrAccessDenied:               {wait: "the right to write", remedy: "GRANT SELECT, INSERT on the database to the user"},
	proto.ErrDatabaseAccessDenied:       {wait: "the right to use the database", remedy: "GRANT SELECT, INSERT on the database to the user"},
	proto.ErrUnknownTable:               {wait: "the table", remedy: "it was dropped or never made: restore it, or run tocsin migrate on a new database"},
	proto.ErrUnknownDatabase:            {wait: "the database", remedy: "it was dropped or never made: restore it, or run tocsin migrate"},
	proto.ErrTableIsDropped:             {wait: "the table", remedy: "it is being dropped: restore it"},
	proto.ErrQuotaExceeded:              {wait: "the user's quota", remedy: "see system.quota_usage; a worker should have no quota"},
	proto.ErrCannotScheduleTask:         {wait: "threads on the server", remedy: "raise max_thread_pool_size"},
	proto.ErrS3Error:                    {wait: "object storage", remedy: "see the server's log"},
	proto.ErrServerOverloaded:           {wait: "the server to be less loaded", remedy: "see system.asynchronous_metrics"},
	proto.ErrNoSuchColumnInTable:        {remedy: "the table is not of this release: run tocsin migrate, or upgrade tocsin"},
	proto.ErrTypeMismatch:               {remedy: "the table is not of this release: run tocsin check, which lists the differences"},
	proto.ErrUnknownSetting:             {remedy: "the server is older than 25.8, or not ClickHouse"},
	proto.ErrSettingConstraintViolation: {remedy: "the user's profile forbids a setting that inserts need: insert_deduplicate, insert_deduplication_token, async_insert, max_execution_time"},
	proto.ErrQueryIsProhibited:          {remedy: "the server forbids the statement: see its settings"},
	proto.ErrTooManyBytes:               {remedy: "the user's profile limits what a query may read: lift the limit for the worker"},
	proto.ErrTooManyRows:                {remedy: "the user's profile limits what a query may read: lift the limit for the worker"},
	proto.ErrTooManyRowsOrBytes:         {remedy: "the user's profile limits what a query may read: lift the limit for the worker"},
	proto.ErrSizesOfArraysDontMatch:     {remedy: "a mistake in tocsin: please report it"},
}

// serverError is an error of the server. It keeps the code and its name only: the
// message may quote records, which are material non-public information.
type serverError struct {
	code   proto.Error
	remedy string
}

// Error implements error.
func (e *serverError) Error() string { return fmt.Sprintf("server error %v: %s", e.code, e.remedy) }

const (
	// prefix names the server in front of each condition that is waited for.
	prefix = "ClickHouse: "
	// unreachable is the condition when no server answers.
	unreachable = prefix + "the server to be reachable"
)

// classified turns an error of the driver into an error of pipeline.Store: one of
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
			c.remedy = "it is none that this release knows how to wait for; the server's log has the details"
		}
		failure := &serverError{code, c.remedy}
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

// refusal matches the right in a message of refused access: first the right that
// the operation takes, then the part that the user lacks. It keeps words and names
// only, without the rest of the message and without columns, of which there may be
// hundreds.
var refusal = regexp.MustCompile("(?:to have the grant|Missing permissions:) ([A-Z][A-Z ,]*[A-Z])(?:\\([\\w., `]+\\))?(?: for at least one column)? (?:ON|on) ([\\w.*`]*[\\w*`])")

// passing matches the temporary names of CREATE OR REPLACE.
var passing = regexp.MustCompile(`_tmp_replace_\w+`)

// missingRight is the right that a refusal names, in the form of GRANT; empty when
// it names none.
func missingRight(message string) string {
	named := refusal.FindAllStringSubmatch(message, -1)
	if named == nil {
		return ""
	}
	last := named[len(named)-1]
	return last[1] + " ON " + passing.ReplaceAllString(last[2], "*")
}

// lacking is the error of a user who lacks a right, given in the form of GRANT.
func lacking(right string) error {
	return pipeline.Wait(prefix+"the right "+right, &serverError{proto.ErrAccessDenied, "GRANT " + right + " to the user; deploy/grants has all that each role needs"})
}

// isFull reports whether the server's disk is full. Code 243 means that space for
// a part could not be reserved. When space or inodes run out after that, the code
// is that of the failed operation (75 a write, 76 an open, 1001 a directory), and
// only the text distinguishes it from a fault that time does not cure.
func isFull(message string) bool {
	return strings.Contains(message, "No space left on device") || strings.Contains(message, "Disk quota exceeded")
}

// isNetwork reports whether err means that a connection could not be made or
// broke.
func isNetwork(err error) bool {
	var network net.Error
	var number syscall.Errno
	return errors.As(err, &network) || errors.As(err, &number) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, clickhouse.ErrConnectionClosed) || errors.Is(err, clickhouse.ErrAcquireConnNoAddress)
}

// isTLS reports whether one end rejected the other's certificate or handshake.
func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError // crypto/tls gives alerts, sent and received, this form
	return errors.As(err, &verification) || errors.As(err, &record) ||
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error")
}
