//go:build !linux

package chserver

import "errors"

func newDisk(string, int64) (*disk, error) { return nil, errors.ErrUnsupported }
