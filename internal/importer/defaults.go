package importer

// shareDefaults moves to defaults: what most monitors say, where
// none leaves it out.
func (d *document) shareDefaults() {
	var all []*entry
	for _, e := range d.Monitors {
		if e.Heartbeat == nil && e.Domain == "" && e.Browser == "" { // which have defaults of their own
			all = append(all, e)
		}
	}
	if len(all) < 2 {
		return
	}
	share(all, &d.Defaults.Every, func(e *entry) *span { return &e.Every })
	share(all, &d.Defaults.Timeout, func(e *entry) *span { return &e.Timeout })
	share(all, &d.Defaults.Confirm, func(e *entry) *int { return &e.Confirm })
	share(all, &d.Defaults.Recover, func(e *entry) *int { return &e.Recover })
}

func share[T comparable](all []*entry, into *T, of func(*entry) *T) {
	var none, common T
	count := map[T]int{}
	for _, e := range all {
		v := *of(e)
		if v == none {
			return // it means what is so without defaults
		}
		if count[v]++; count[v] > count[common] {
			common = v
		}
	}
	for _, e := range all {
		if *of(e) == common {
			*of(e) = none
		}
	}
	*into = common
}
