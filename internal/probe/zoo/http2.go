package zoo

import (
	"bytes"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/sondehq/sonde/internal/monitor"
)

// two speaks HTTP/2 without TLS: it reads the preface and the first request, and
// lets f go on with its stream.
func two(f func(*http2.Framer, net.Conn, uint32)) func(net.Conn) {
	return func(c net.Conn) {
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(c, preface); err != nil {
			return
		}
		fr := http2.NewFramer(c, c)
		fr.AllowIllegalWrites = true
		_ = fr.WriteSettings()
		for {
			frame, err := fr.ReadFrame()
			if err != nil {
				return
			}
			if h, is := frame.(*http2.HeadersFrame); is {
				f(fr, c, h.StreamID)
				return
			}
		}
	}
}

// block packs header fields, given as name and value in turn.
func block(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.Bytes()
}

func headers(fr *http2.Framer, stream uint32, last bool, fields ...string) {
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block(fields...), EndHeaders: true, EndStream: last})
}

// frames is HTTP/2 gone wrong.
func frames(c *cage) {
	at := func(f func(*http2.Framer, net.Conn, uint32)) monitor.Monitor {
		m := get(c.serve(two(f)))
		m.HTTP.Version = "2"
		return m
	}
	plain := get(c.serve(says(ok)))
	plain.HTTP.Version = "2"
	c.put("speaks HTTP/1.1", plain, "http", "127.0.0.1", "")
	silent := get(c.serve(hold))
	silent.HTTP.Version = "2"
	c.put("never answers", silent, "timeout", "waiting for the first byte", "")
	c.put("GOAWAY at once", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		_ = fr.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, []byte(Nasty))
		hold(c)
	}), "http", "waiting for the first byte", "GOAWAY")
	c.put("GOAWAY mid-body", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		headers(fr, id, false, ":status", "200")
		_ = fr.WriteData(id, false, []byte("abc"))
		_ = fr.WriteGoAway(0, http2.ErrCodeInternal, []byte("bye"))
	}), "body", "body after 3 bytes", "")
	for _, code := range []http2.ErrCode{http2.ErrCodeInternal, http2.ErrCodeCancel} {
		c.put("RST_STREAM "+code.String(), at(func(fr *http2.Framer, c net.Conn, id uint32) { _ = fr.WriteRSTStream(id, code); hold(c) }),
			"http", "waiting for the first byte", code.String())
	}
	// A stream that was refused may be tried again (RFC 9113, 8.7), and is.
	c.put("RST_STREAM REFUSED_STREAM", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		_ = fr.WriteRSTStream(id, http2.ErrCodeRefusedStream)
		hold(c)
	}),
		"timeout", "127.0.0.1", "")
	c.put("RST_STREAM mid-body", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		headers(fr, id, false, ":status", "200")
		_ = fr.WriteData(id, false, []byte("abc"))
		_ = fr.WriteRSTStream(id, http2.ErrCodeInternal)
		hold(c)
	}), "body", "body after 3 bytes", "INTERNAL_ERROR")
	c.put("closes mid-body", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		headers(fr, id, false, ":status", "200", "content-length", "9")
		_ = fr.WriteData(id, false, []byte("abc"))
		_ = c.(*net.TCPConn).CloseWrite()
		hold(c)
	}), "body", "body after 3 bytes", "broke off")
	c.put("stops mid-body", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		headers(fr, id, false, ":status", "200")
		_ = fr.WriteData(id, false, []byte("abc"))
		hold(c)
	}), "timeout", "body after 3 bytes", "")
	c.put("less than its length", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		headers(fr, id, false, ":status", "200", "content-length", "9")
		_ = fr.WriteData(id, true, []byte("abc"))
		hold(c)
	}), "body", "body after 3 bytes", "broke off")
	c.put("storm of 103", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		for range 100_000 {
			headers(fr, id, false, ":status", "103")
		}
		hold(c)
	}), "http", "127.0.0.1", "")
	c.put("endless headers", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block(":status", "200")})
		for err := error(nil); err == nil; {
			err = fr.WriteContinuation(id, false, block("x-a", strings.Repeat("a", 8000)))
		}
	}), "http", "127.0.0.1", "")
	c.put("a header that swells", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		// One field into the table, then a byte for each time it comes again.
		bomb := append(block(":status", "200", "x-bomb", strings.Repeat("a", 3900)), bytes.Repeat([]byte{0xbe}, 10_000)...)
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: bomb, EndHeaders: true})
		hold(c)
	}), "http", "127.0.0.1", "header is longer than 64 KiB")
	c.put("a frame that is too long", at(func(_ *http2.Framer, c net.Conn, _ uint32) {
		_, _ = c.Write([]byte("\xff\xff\xff\x00\x00\x00\x00\x00\x01"))
		hold(c)
	}),
		"http", "127.0.0.1", "")
	c.put("data on a stream of nobody", at(func(fr *http2.Framer, c net.Conn, id uint32) { _ = fr.WriteData(id+100, true, []byte("abc")); hold(c) }),
		"http", "127.0.0.1", "PROTOCOL_ERROR")
	c.put("data before headers", at(func(fr *http2.Framer, c net.Conn, id uint32) { _ = fr.WriteData(id, true, []byte("abc")); hold(c) }), "http", "127.0.0.1", "")
	c.put("no status", at(func(fr *http2.Framer, c net.Conn, id uint32) { headers(fr, id, true, "x-a", "b"); hold(c) }), "http", "127.0.0.1", "")
	c.put("a status of words", at(func(fr *http2.Framer, c net.Conn, id uint32) { headers(fr, id, true, ":status", Nasty); hold(c) }), "http", "127.0.0.1", "")
	c.put("pings without end", at(func(fr *http2.Framer, c net.Conn, _ uint32) {
		go hold(c)
		quickly(func() error { return fr.WritePing(false, [8]byte{}) })
	}),
		"timeout", "127.0.0.1", "")
	c.put("settings without end", at(func(fr *http2.Framer, c net.Conn, _ uint32) {
		go hold(c)
		quickly(func() error { return fr.WriteSettings() })
	}),
		"timeout", "127.0.0.1", "")
	c.put("more than the window", at(func(fr *http2.Framer, c net.Conn, id uint32) {
		headers(fr, id, false, ":status", "200")
		go hold(c)
		quickly(func() error { return fr.WriteData(id, false, make([]byte, 16<<10)) })
	}), "", "", "")
}

// quickly does something a thousand times a second until it fails.
func quickly(do func() error) {
	for do() == nil {
		time.Sleep(time.Millisecond)
	}
}
