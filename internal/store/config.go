package store

import (
	"context"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

// ConfigInfo says who stored a configuration and when.
type ConfigInfo struct {
	Number  int64     `json:"number"` // the version
	Applied time.Time `json:"applied"`
	By      string    `json:"by,omitempty"`
	Content string    `json:"content"` // always "gzip+json", in the data attribute
}

func configKey(sk string) table.Key { return table.Key{PK: "CONFIG", SK: sk} }

// Config returns the current configuration; nil if none was ever stored.
func (s *Store) Config(ctx context.Context) (*monitor.Config, error) {
	row, err := s.table.Get(ctx, configKey("CURRENT"))
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get configuration: %w", err)
	}
	cfg := new(monitor.Config)
	if err := inflate(row.Data, cfg); err != nil {
		return nil, fmt.Errorf("decode configuration %d: %w", row.Version, err)
	}
	cfg.Version = row.Version
	return cfg, nil
}

// ConfigVersion returns the number of the current configuration; 0 if there is
// none.
func (s *Store) ConfigVersion(ctx context.Context) (int64, error) {
	var info ConfigInfo
	return s.get(ctx, configKey("CURRENT"), &info)
}

// PutConfig stores a configuration as the version after the one it was based
// on, and returns it with its number. It fails with table.ErrConflict if that
// version is not the current one any more.
func (s *Store) PutConfig(ctx context.Context, cfg *monitor.Config, basedOn int64, by string) (*monitor.Config, error) {
	stored := *cfg
	stored.Version = basedOn + 1
	data, err := deflate(&stored)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	info := ConfigInfo{Number: stored.Version, Applied: s.now(), By: by, Content: "gzip+json"}
	current, err := put(configKey("CURRENT"), "config", basedOn, info)
	if err != nil {
		return nil, err
	}
	kept, err := put(configKey(fmt.Sprintf("V#%08d", stored.Version)), "config", 0, info)
	if err != nil {
		return nil, err
	}
	current.Row.Data, kept.Row.Data = data, data
	if err := s.table.Write(ctx, current, kept); err != nil {
		return nil, fmt.Errorf("put configuration %d: %w", stored.Version, err)
	}
	return &stored, nil
}
