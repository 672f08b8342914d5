package probe

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"

	"github.com/sondehq/sonde/internal/monitor"
)

// reference names a secret in a request: ${env:NAME}. It is resolved for the
// check that needs it, and never stored.
var reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}`) })

// refers reports whether a request may hold references: most hold none.
func refers(h *monitor.HTTP) bool {
	for _, value := range h.Headers {
		if strings.Contains(value, "${") {
			return true
		}
	}
	return strings.Contains(h.URL, "${") || strings.Contains(h.Body, "${")
}

// resolve puts secrets into a request in place of their references. It returns
// them too, to be hidden wherever the target repeats them.
func resolve(m monitor.Monitor, env *Env) (resolved monitor.Monitor, secrets []string, err error) {
	if m.HTTP == nil || !refers(m.HTTP) {
		return m, nil, nil
	}
	fill := func(text string) string {
		return reference().ReplaceAllStringFunc(text, func(found string) string {
			name := reference().FindStringSubmatch(found)[1]
			if env.Secret != nil {
				if value, ok := env.Secret(name); ok {
					secrets = append(secrets, value)
					return value
				}
			}
			err = fmt.Errorf("the secret %s is not set where this check runs", found)
			return ""
		})
	}
	h := *m.HTTP
	h.URL, h.Body = fill(h.URL), fill(h.Body)
	h.Headers = maps.Clone(h.Headers)
	for name, value := range h.Headers {
		h.Headers[name] = fill(value)
	}
	m.HTTP = &h
	return m, secrets, err
}
