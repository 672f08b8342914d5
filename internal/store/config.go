package store

import (
	"context"
	"fmt"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
	"github.com/sondehq/sonde/internal/uptime"
)

// ConfigInfo says who stored a configuration and when.
type ConfigInfo struct {
	Number   int64     `json:"number"` // the version
	Applied  time.Time `json:"applied"`
	By       string    `json:"by,omitempty"`
	Form     int       `json:"form"`     // what a program must know to read it
	Monitors int       `json:"monitors"` // without those at old addresses
	Services int       `json:"services"`
	Tiers    int       `json:"tiers"`
	Content  string    `json:"content"` // always "gzip+json", in the data attribute
}

func configKey(sk string) table.Key { return table.Key{PK: "CONFIG", SK: sk} }

// configForm is the form of configurations that this program writes. It grows
// when an older program would misread a newer configuration.
const configForm = 1

// Config returns the current configuration; nil if none was ever stored. If it
// is of a form that this program does not know yet, or cannot be read, the newest
// version before it that can be read stays in force, and the other is set aside.
func (s *Store) Config(ctx context.Context) (*monitor.Config, error) {
	row, err := s.table.Get(ctx, configKey("CURRENT"))
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get configuration: %w", err)
	}
	known := readAll(s, []table.Row{row}, decodeConfig)
	if len(known) > 0 {
		return known[0], nil
	}
	older, err := table.All(ctx, s.table, table.Query{
		PK: configKey("").PK, From: versionKey(0).SK, To: versionKey(row.Version).SK, Descending: true, Limit: olderConfigs,
	})
	if err != nil {
		return nil, fmt.Errorf("query configurations: %w", err)
	}
	for _, row := range older {
		if cfg, err := decodeConfig(row); err == nil {
			return cfg, nil
		}
	}
	return nil, fmt.Errorf("configuration %d, and those before it, cannot be read: run the version of Sonde that applied it", row.Version)
}

// olderConfigs is how many versions Config looks back.
const olderConfigs = 20

func decodeConfig(row table.Row) (*monitor.Config, error) {
	var info ConfigInfo
	if err := decode(row, &info); err != nil {
		return nil, err
	}
	if info.Form > configForm {
		return nil, fmt.Errorf("configuration %d is of form %d, and this program knows %d at most: deploy the functions again", info.Number, info.Form, configForm)
	}
	cfg := new(monitor.Config)
	if err := inflate(row.Data, cfg); err != nil {
		return nil, fmt.Errorf("decode configuration %d: %w", info.Number, err)
	}
	cfg.Version = info.Number
	return cfg, nil
}

func versionKey(n int64) table.Key { return configKey(fmt.Sprintf("V#%08d", n)) }

// ConfigVersion returns the number of the current configuration; 0 if there is
// none.
func (s *Store) ConfigVersion(ctx context.Context) (int64, error) {
	var info ConfigInfo
	return s.get(ctx, configKey("CURRENT"), &info)
}

// ConfigHistory lists the versions, newest first, at most limit.
func (s *Store) ConfigHistory(ctx context.Context, limit int) ([]ConfigInfo, error) {
	rows, err := table.All(ctx, s.table, table.Query{PK: configKey("").PK, From: "V#", To: "V$", Descending: true, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("query configurations: %w", err)
	}
	return readAll(s, rows, as[ConfigInfo]), nil
}

// ConfigAt reads one version; nil if there is none.
func (s *Store) ConfigAt(ctx context.Context, number int64) (*monitor.Config, error) {
	row, err := s.table.Get(ctx, versionKey(number))
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get configuration %d: %w", number, err)
	}
	return decodeConfig(row)
}

// PutConfig stores a configuration as the version after the one it was based
// on, and returns it with its number and with the table's own notes: since when its
// plans are in force, and which old addresses stay checked (monitor.Retire). It fails
// with table.ErrConflict if that version is not the current one any more.
func (s *Store) PutConfig(ctx context.Context, cfg *monitor.Config, basedOn int64, by string) (*monitor.Config, error) {
	stored := *cfg
	stored.Version = basedOn + 1
	before, err := s.ConfigAt(ctx, basedOn)
	if err != nil || before == nil {
		before = new(monitor.Config) // one that cannot be read: the plans after it are taken for new
	}
	stored.Maintenance = stampPlans(before.Maintenance, stored.Maintenance, by, s.now())
	stored.Rehearse = stampRehearsal(before.Rehearse, stored.Rehearse, s.now())
	stored.Retired = monitor.Retire(before, &stored, s.now())
	data, err := deflate(&stored)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	info := ConfigInfo{Number: stored.Version, Applied: s.now(), By: by, Form: configForm, Content: "gzip+json",
		Monitors: len(cfg.Monitors), Services: len(cfg.Services), Tiers: len(cfg.Tiers)}
	current, err := put(configKey("CURRENT"), "config", basedOn, info)
	if err != nil {
		return nil, err
	}
	kept, err := put(versionKey(stored.Version), "config", 0, info)
	if err != nil {
		return nil, err
	}
	current.Row.Data, kept.Row.Data = data, data
	if err := s.table.Write(ctx, current, kept); err != nil {
		return nil, fmt.Errorf("put configuration %d: %w", stored.Version, err)
	}
	return &stored, nil
}

// Known is a service as the newest configuration says that had it.
type Known struct {
	monitor.Service
	Config *monitor.Config
	Gone   time.Time // when it was taken out; zero: it is in force
}

func (k Known) name(id monitor.ID) string {
	if k.Config == nil {
		return ""
	}
	for _, m := range k.Config.Members(k.Service) {
		if m.ID == id {
			return m.Name
		}
	}
	return ""
}

// ServicesIn lists the services of a configuration, in its order, and then those
// that were taken out of it after a window began: there may be figures of them.
func (s *Store) ServicesIn(ctx context.Context, cfg *monitor.Config, w uptime.Window) ([]Known, error) {
	var list []Known
	has := map[monitor.ServiceID]bool{}
	add := func(cfg *monitor.Config, gone time.Time) {
		for _, svc := range cfg.Services {
			if !has[svc.ID] {
				has[svc.ID] = true
				list = append(list, Known{svc, cfg, gone})
			}
		}
	}
	add(cfg, time.Time{})
	var until time.Time // of the version that comes next in the loop; zero: it is in force
	q := table.Query{PK: configKey("").PK, From: "V#", To: "V$", Descending: true, Limit: olderConfigs}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("query configurations: %w", err)
		}
		for _, row := range page.Rows {
			if !until.IsZero() && !until.After(w.From) {
				return list, nil
			}
			var info ConfigInfo
			if err := decode(row, &info); err != nil {
				continue
			}
			if old, err := decodeConfig(row); err == nil {
				add(old, until)
			}
			until = info.Applied
		}
		if page.Cursor == "" {
			return list, nil
		}
		q.Cursor = page.Cursor
	}
}
