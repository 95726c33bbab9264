package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
)

// loadSource is a file that is read several times. Standard input is kept in a
// temporary file, which only this user can read and which is gone afterwards.
type loadSource struct {
	file  *os.File
	size  int64
	temp  string
	shown *loadProgress
}

func openLoadSource(path string, stdin io.Reader, shown *loadProgress) (*loadSource, error) {
	s := &loadSource{shown: shown}
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
	} else if s.file, err = os.Open(path); err != nil {
		return nil, err
	}
	info, err := s.file.Stat()
	if err == nil && path != "-" && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file; pipe it in and name it -", path)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.size = info.Size()
	return s, nil
}

// read returns the content from its beginning, without gzip.
func (s *loadSource) read(step string) (io.Reader, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the file again: %w", err)
	}
	s.shown.begin(step, s.size)
	in := bufio.NewReaderSize(&counted{s.file, s.shown}, 256<<10)
	if magic, err := in.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return in, nil // a file that is too short, or fails, says so when it is read
	}
	plain, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("the file begins like gzip and is not: %w", err)
	}
	return plain, nil
}

func (s *loadSource) close() {
	s.file.Close()
	if s.temp != "" {
		os.Remove(s.temp)
	}
}
