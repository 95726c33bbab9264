package credentials

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// FileError is a file that cannot be used. Its text has the path; a caller that does
// not know whether the path is one, and no secret, shows Err alone.
type FileError struct {
	Key  string // the key of this package's types that names the file, such as ca; of a Secret: ""
	Path string
	Pair string // the path of a certificate's key, when both are read and do not fit together
	Err  error  // why
}

// Error implements error.
func (e *FileError) Error() string {
	text := fmt.Sprintf("the file %s %v", e.Path, e.Err)
	if e.Pair != "" {
		text += "; its key is in " + e.Pair
	}
	return text
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// byteOrderMark is what some editors write in front of UTF-8. It is no part of
// a secret or a certificate.
const byteOrderMark = "\xef\xbb\xbf"

// read returns the content of a file without its byte order mark.
func read(key, path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, &FileError{Key: key, Path: path, Err: fmt.Errorf("cannot be read (%w)", err)}
	}
	return bytes.TrimPrefix(content, []byte(byteOrderMark)), nil
}

// Readable returns why a file cannot be read, a FileError; nil when it can.
func Readable(path string) error {
	_, err := read("", path)
	return err
}
