package local

import (
	"net"
	"net/http"
	"net/netip"
)

// onlyHere serves a page to browsers of this machine only: not over the network,
// not through a proxy, and not to a page of somebody else that calls itself
// localhost by a trick of DNS. What operators are told is not for the public.
func onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forwarded := r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("X-Forwarded-Host") != ""
		if forwarded || !isLoopback(r.RemoteAddr) || !isLoopback(r.Host) {
			http.Error(w, "the inbox is shown to browsers on the machine itself only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
