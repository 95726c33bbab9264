//go:build !linux

package chserver

import (
	"errors"
	"os"
)

func newDisk(string, int64) (*disk, error) { return nil, errors.ErrUnsupported }

func freeBytes(*os.File) (int64, error) { return 0, errors.ErrUnsupported }
