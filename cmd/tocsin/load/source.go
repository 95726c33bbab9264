package load

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"

	"tocsin/cmd/tocsin/cli"
)

// source is a file that is read several times. Standard input is kept in a
// temporary file, which only this user can read and which close removes.
type source struct {
	file  *os.File
	size  int64
	temp  string
	shown *cli.Progress
}

func openSource(path string, stdin io.Reader, shown *cli.Progress) (*source, error) {
	s := &source{shown: shown}
	var err error
	if path == "-" {
		if s.file, err = os.CreateTemp("", "tocsin-load-*"); err != nil {
			return nil, fmt.Errorf("keep standard input: %w", err)
		}
		s.temp = s.file.Name()
		if _, err := io.Copy(s.file, stdin); err != nil {
			s.close()
			return nil, fmt.Errorf("keep standard input: %w", err)
		}
	} else if s.file, err = openInput(path); err != nil {
		return nil, err
	}
	info, err := s.file.Stat()
	if err == nil && path != "-" && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file: pipe it in, and give - as the file", path)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.size = info.Size()
	return s, nil
}

// read returns the uncompressed content from its beginning.
func (s *source) read(step string) (io.Reader, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the file again: %w", err)
	}
	s.shown.Begin(step, cli.Bytes, s.size)
	in := bufio.NewReaderSize(&counted{s.file, s.shown}, 256<<10)
	if magic, err := in.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return in, nil // a file that is too short, or fails, is noticed when it is read
	}
	plain, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("the file begins like gzip but is not gzip: %w", err)
	}
	return plain, nil
}

func (s *source) close() {
	s.file.Close()
	if s.temp != "" {
		os.Remove(s.temp)
	}
}
