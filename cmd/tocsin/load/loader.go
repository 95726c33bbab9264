package load

import (
	"context"
	"io"
)

// loader reads a format. check reads the whole source. send reads it again and
// passes each record that check accepted to take.
type loader interface {
	check(ctx context.Context, src *source) (Report, error)
	send(ctx context.Context, src *source, take func(key string, value []byte) error) error
}

// Report describes a file.
type Report interface {
	Write(w io.Writer) error
	// BadLines is the number of lines that cannot be read.
	BadLines() int
	// Records is the number of records that the other lines make.
	Records() int
}

// MaxRecord bounds the value of a record, in bytes. It leaves room for key,
// headers and framing below the 1,048,588 bytes that brokers take by default
// (message.max.bytes) and the 1 MiB that the event decoder takes.
const MaxRecord = 1_000_000
