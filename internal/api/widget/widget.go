// Package widget is what other people's pages show of a site's status: the
// custom element <sonde-status> of /widget.js, the page of /embed for a frame,
// and "Am I affected?", the element <sonde-affected> of /affected.js with its
// page /affected.
//
// The scripts have no dependencies, write no HTML and no style attribute, and
// so run under a policy that allows nothing but them and a connection to the
// site. Each is served under a steady name and under one with its hash in it,
// which may be cached for ever and pinned with Subresource Integrity.
//
// Every text stands in text/{language}.json, for the scripts and the pages
// alike. No package state changes; everything is safe for concurrent use.
package widget

import (
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

//go:embed status.js affected.js text/*.json embed.html affected.html subscribe.html widget.css
var files embed.FS

// Script is one script as it is served.
type Script struct {
	Path      string // "/widget.js"
	Versioned string // "/widget.0123456789ab.js": this text and no other
	Integrity string // "sha384-…", for a script element's integrity attribute
	Body      []byte
}

// Status is /widget.js.
var Status = sync.OnceValues(func() (Script, error) { return script("widget", "status.js", "status") })

// Affected is /affected.js.
var Affected = sync.OnceValues(func() (Script, error) { return script("affected", "affected.js", "affected") })

// VersionedPaths are the paths of the scripts with their hashes in them.
func VersionedPaths() ([]string, error) {
	var paths []string
	for _, of := range []func() (Script, error){Status, Affected} {
		script, err := of()
		if err != nil {
			return nil, err
		}
		paths = append(paths, script.Versioned)
	}
	return paths, nil
}

// script fills the texts of a part into a file and leaves out its comments.
func script(name, file, part string) (Script, error) {
	source, err := files.ReadFile(file)
	if err != nil {
		return Script{}, fmt.Errorf("read script: %w", err)
	}
	texts, err := texts()
	if err != nil {
		return Script{}, err
	}
	table := map[string]json.RawMessage{}
	for lang, parts := range texts {
		table[lang] = parts[part]
	}
	filled, err := json.Marshal(table)
	if err != nil {
		return Script{}, fmt.Errorf("encode texts: %w", err)
	}
	body := []byte(strings.Replace(bare(string(source)), "/*texts*/ {}", string(filled), 1))
	short, long := sha256.Sum256(body), sha512.Sum384(body)
	return Script{
		Path: "/" + name + ".js", Versioned: "/" + name + "." + hex.EncodeToString(short[:6]) + ".js",
		Integrity: "sha384-" + base64.StdEncoding.EncodeToString(long[:]), Body: body,
	}, nil
}

// bare is a script without indentation and without the lines that are comments.
// No text of the scripts goes over several lines where that would matter.
func bare(source string) string {
	var out strings.Builder
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") {
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}
