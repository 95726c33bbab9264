package apachekafka

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tocsin/cmd/devstack/cache"
)

//go:embed pom.xml
var pom []byte

// jars returns the directory of the broker's jars in the cache. If they are
// not there they are fetched (43 MB, kept for good), which is reported on
// progress, if that is not nil. The entry's name holds the digest of the pom,
// so that another version of anything is another entry.
func jars(ctx context.Context, progress *os.File) (string, error) {
	sum := sha256.Sum256(pom)
	dir, err := cache.Entry(ctx, "apache-kafka-"+hex.EncodeToString(sum[:4]), func(dir string) error {
		return fetch(ctx, dir, progress)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "lib"), nil
}

// fetch puts the jars into dir/lib.
func fetch(ctx context.Context, dir string, progress *os.File) (err error) {
	end := cache.Announce(progress, "fetching Apache Kafka (43 MB, once)")
	defer func() { end(err) }()

	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("mvn is needed to fetch Apache Kafka and is not on the PATH: install Maven")
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), pom, 0o644); err != nil {
		return fmt.Errorf("write the pom: %w", err)
	}
	var said bytes.Buffer // Maven complains on standard output
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "dependency:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(dir, "lib"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mvn dependency:copy-dependencies: %w: %s (check that Maven reaches its repository)",
			err, strings.TrimSpace(said.String()))
	}
	return nil
}
