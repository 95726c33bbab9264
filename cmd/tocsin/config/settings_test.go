package config

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// logged returns the settings as the log shows them.
func logged(c *Config) string {
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("settings", c.Settings()...)
	return out.String()
}

func TestSettingsShowEveryKeyAndNoSecret(t *testing.T) {
	c, err := Read(filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml"), getenv)
	if err != nil {
		t.Fatal(err)
	}
	c.NATS.Servers = []string{"nats://user:canary-secret@n:4222", "n2:4222"}
	shown := logged(&c)
	for _, want := range []string{"kafka.brokers=k1:9092,k2:9092", "clickhouse.password=***", "nats.servers=nats://***@n:4222,n2:4222", "worker.max_records=20000", "worker.linger=1s", "worker.max_record_bytes="} {
		if !strings.Contains(shown, want) {
			t.Errorf("want %q in\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "canary-secret") {
		t.Errorf("a secret is shown:\n%s", shown)
	}
	var every func(prefix string, v reflect.Value)
	every = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			switch f := v.Field(i); {
			case key == "" || f.Kind() == reflect.Pointer:
			case f.Kind() == reflect.Struct && f.Type().Name() != "Secret":
				every(prefix+key+".", f)
			case !strings.Contains(shown, " "+prefix+key+"="):
				t.Errorf("%s is not shown", prefix+key)
			}
		}
	}
	every("", reflect.ValueOf(c))
}

func TestWithoutUser(t *testing.T) {
	f := func(address, want string) {
		t.Helper()
		if got := withoutUser(address); got != want {
			t.Errorf("%s is shown as %s, want %s", address, got, want)
		}
	}
	f("k1:9092", "k1:9092")
	f("nats://n:4222", "nats://n:4222")
	f("nats://u:p@n:4222", "nats://***@n:4222")
	f("tls://token@n:4222", "tls://***@n:4222")
	f("u:p@n:4222", masked)
}
