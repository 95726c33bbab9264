package config

import (
	"time"

	"tocsin/cmd/tocsin/credentials"
)

// ClickHouse is the section clickhouse.
type ClickHouse struct {
	Addresses     []string      `yaml:"addresses,required"`
	Database      string        `yaml:"database"`
	InsertTimeout time.Duration `yaml:"insert_timeout"`

	User     credentials.Secret `yaml:"user,required"`
	Password credentials.Secret `yaml:"password"`
	TLS      *credentials.TLS   `yaml:"tls"`
}

var defaultClickHouse = ClickHouse{Database: "tocsin", InsertTimeout: 15 * time.Second}
