package chserver

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"

	"tocsin/cmd/devstack/loopback"
)

// The names the server is set up with.
const (
	// Database is made at the start and is every user's default. Tests make
	// further ones, whose names must begin with it: users' rights end there.
	Database = "tocsin"
	// User may do everything in Database and read system tables.
	User = "tocsin"
	// AnalystUser may read Database and nothing else: no table functions, so
	// no files and no network.
	AnalystUser = "analyst"
)

// defaultMaxMemory bounds the server, in bytes, when Options does not. The
// process can grow past it by a gigabyte, because not all is tracked.
const defaultMaxMemory = 2 << 30

var (
	//go:embed config.xml.tmpl
	configText string
	//go:embed users.xml.tmpl
	usersText string

	configTemplate = template.Must(template.New("config.xml").Funcs(template.FuncMap{"xml": xmlText}).Parse(configText))
	usersTemplate  = template.Must(template.New("users.xml").Funcs(template.FuncMap{"sha256": sha256Hex}).Parse(usersText))
)

// credentials are the generated passwords, kept beside the data so that a
// server started again on it has the same ones.
type credentials struct {
	User    string `json:"tocsin"`
	Analyst string `json:"analyst"`
}

// layout is where the parts of a server's directory lie.
type layout string

func (l layout) data() string        { return filepath.Join(string(l), "data") }
func (l layout) log() string         { return filepath.Join(string(l), "clickhouse.log") }
func (l layout) config() string      { return filepath.Join(string(l), "conf", "config.xml") }
func (l layout) users() string       { return filepath.Join(string(l), "conf", "users.xml") }
func (l layout) credentials() string { return filepath.Join(string(l), "conf", "credentials.json") }
func (l layout) ports() string       { return filepath.Join(string(l), "ports.tsv") }

// write makes the directories and configuration files of a server.
func (l layout) write(o Options) (credentials, error) {
	for _, dir := range []string{l.data(), filepath.Dir(l.config())} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return credentials{}, fmt.Errorf("make a directory of the server: %w", err)
		}
	}
	cred, err := l.secrets()
	if err != nil {
		return credentials{}, err
	}
	if o.MaxMemory == 0 {
		o.MaxMemory = defaultMaxMemory
	}
	values := struct {
		Options
		credentials
		Host, Data, Log, Database, DefaultPassword string
	}{o, cred, loopback.Host, l.data() + "/", l.log(), Database, ""}
	if o.Binary != "" {
		values.DefaultPassword = rand.Text() // no login as that user
	}
	for path, t := range map[string]*template.Template{l.config(): configTemplate, l.users(): usersTemplate} {
		var b bytes.Buffer
		if err := t.Execute(&b, values); err != nil {
			return credentials{}, fmt.Errorf("render %s: %w", filepath.Base(path), err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			return credentials{}, fmt.Errorf("write the server's configuration: %w", err)
		}
	}
	return cred, nil
}

// secrets reads the passwords kept in the directory, or makes and keeps them.
func (l layout) secrets() (credentials, error) {
	var cred credentials
	text, err := os.ReadFile(l.credentials())
	if err == nil {
		if err := json.Unmarshal(text, &cred); err != nil {
			return cred, fmt.Errorf("read %s: %w (delete it to have new passwords made)", l.credentials(), err)
		}
		return cred, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return cred, fmt.Errorf("read the server's passwords: %w", err)
	}
	cred = credentials{User: rand.Text(), Analyst: rand.Text()}
	text, err = json.Marshal(cred)
	if err != nil {
		return cred, fmt.Errorf("encode the server's passwords: %w", err)
	}
	if err := os.WriteFile(l.credentials(), text, 0o600); err != nil {
		return cred, fmt.Errorf("keep the server's passwords: %w", err)
	}
	return cred, nil
}

func xmlText(s string) (string, error) {
	var b bytes.Buffer
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
