// Package bucket puts the copy of the page into a bucket of Amazon S3, with the
// one call that is needed.
package bucket

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/sondehq/sonde/internal/cloud/signed"
	"github.com/sondehq/sonde/internal/publish"
)

// Bucket is a bucket.
type Bucket struct {
	caller *signed.Caller
	name   string
}

var _ publish.Objects = (*Bucket)(nil)

// New returns a bucket by its name; caller calls "s3" in the bucket's Region.
func New(caller *signed.Caller, name string) *Bucket { return &Bucket{caller, name} }

// Put implements publish.Objects. The bucket's name stands in the path, so that
// names with dots work over TLS too (S3 User Guide, "Path-style requests").
func (b *Bucket) Put(ctx context.Context, key string, o publish.Object) error {
	parts := strings.Split(key, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(part), "+", "%20") // S3 signs a stricter form than paths need
	}
	header := http.Header{"Content-Type": {o.ContentType}, "Cache-Control": {o.CacheControl}}
	_, err := b.caller.Do(ctx, http.MethodPut, "/"+b.name+"/"+strings.Join(parts, "/"), header, o.Body)
	if err != nil {
		return fmt.Errorf("put object %s: %w", key, err)
	}
	return nil
}
