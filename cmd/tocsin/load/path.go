package load

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// openInput opens the file that is loaded.
func openInput(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a directory: name a file in it", path)
	}
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist: give the path of the file, or - for standard input", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s: permission denied: let this program's user read the file", path)
	case err != nil:
		return nil, fmt.Errorf("%w: give the path of a file, or - for standard input", err)
	}
	return file, nil
}

// checkOut returns why events cannot be written to a path, before the ledger is read
// for them. It makes no file.
func checkOut(path string) error {
	if path == "" || path == "-" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("--out %s is a directory: name a file in it", path)
	}
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("--out %s: the directory %s does not exist: make it, or name another", path, dir)
	case err != nil:
		return outError(path, err)
	case !info.IsDir():
		return fmt.Errorf("--out %s: %s is not a directory: name a file in one", path, dir)
	}
	return nil
}

// outError adds a remedy to an error of the file that events are written to.
func outError(path string, err error) error {
	var reason *fs.PathError
	if errors.As(err, &reason) {
		err = reason.Err
	}
	return fmt.Errorf("--out %s: %w: name a file that this program's user may write", path, err)
}
