package chserver

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"tocsin/cmd/devstack/cache"
)

// The library's place on the npm registry, and the SHA-256 of the shared
// object in it. All three change together.
const (
	libraryPackage = "@chdb/lib-linux-x64-gnu"
	libraryVersion = "26.7.3-stable.1"
	librarySHA256  = "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5"
	libraryFile    = "libchdb.so"
)

// otherwise is the remedy that fits every failure to get the library.
const otherwise = "or put a clickhouse binary on the PATH, or set TOCSIN_CLICKHOUSE to a server that runs"

// Library returns the path of libchdb.so in the cache. If it is not there it
// is fetched (178 MB, kept for good), which is reported on progress, if that
// is not nil.
func Library(ctx context.Context, progress *os.File) (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("no embedded server for %s/%s, only for linux/amd64: put a clickhouse binary on the PATH, or set TOCSIN_CLICKHOUSE to a server that runs", runtime.GOOS, runtime.GOARCH)
	}
	dir, err := cache.Entry(ctx, "libchdb-"+libraryVersion, func(dir string) error {
		return fetch(ctx, dir, progress)
	})
	if err != nil {
		return "", fmt.Errorf("embedded server: %w", err)
	}
	return filepath.Join(dir, libraryFile), nil
}

// fetch puts libchdb.so into dir.
func fetch(ctx context.Context, dir string, progress *os.File) (err error) {
	end := cache.Announce(progress, "fetching the embedded ClickHouse "+libraryVersion+" (178 MB, once)")
	defer func() { end(err) }()

	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("npm is needed to fetch the embedded server and is not on the PATH: install it, %s", otherwise)
	}
	var complaint bytes.Buffer
	pack := exec.CommandContext(ctx, npm, "pack", "--silent", "--pack-destination", dir, libraryPackage+"@"+libraryVersion)
	pack.Dir, pack.Stderr = dir, &complaint
	if err := pack.Run(); err != nil {
		return fmt.Errorf("npm pack %s@%s: %w: %s (check that npm reaches its registry, %s)",
			libraryPackage, libraryVersion, err, strings.TrimSpace(complaint.String()), otherwise)
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return fmt.Errorf("npm pack left %d archives instead of one", len(packed))
	}
	if err := unpack(packed[0], dir); err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(packed[0]), err)
	}
	return os.Remove(packed[0])
}

// unpack writes the shared object in the npm archive to dir, and accepts it
// only if it is the one that this program was made for.
func unpack(archive, dir string) (err error) {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	gz, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	tr := tar.NewReader(gz)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return errors.New("no " + libraryFile + " in it")
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg && filepath.Base(h.Name) == libraryFile {
			break
		}
	}
	out, err := os.OpenFile(filepath.Join(dir, libraryFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, sum), tr); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != librarySHA256 {
		return fmt.Errorf("%s has SHA-256 %s, not %s: the registry or a proxy served something else", libraryFile, got, librarySHA256)
	}
	return nil
}
