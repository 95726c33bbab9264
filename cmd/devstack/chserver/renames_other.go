//go:build !linux

package chserver

import (
	"errors"
	"os"
	"syscall"
)

func renameSocket(func(from string) syscall.Errno) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
