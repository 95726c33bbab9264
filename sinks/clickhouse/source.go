package clickhouse

import (
	"io"

	"github.com/ClickHouse/ch-go/proto"
)

// source is an io.Reader over the parts of one column, and the driver's reader
// on it.
type source struct {
	parts  [][]byte
	reader *proto.Reader
}

func newSource() *source {
	s := &source{}
	s.reader = proto.NewReader(s)
	return s
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	for len(s.parts) > 0 && len(s.parts[0]) == 0 {
		s.parts = s.parts[1:]
	}
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.parts[0])
	s.parts[0] = s.parts[0][n:]
	return n, nil
}

// left is the number of bytes not read yet.
func (s *source) left() (n int) {
	for _, p := range s.parts {
		n += len(p)
	}
	return n
}
