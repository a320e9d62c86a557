package main

import (
	"bufio"
	"context"
	"flag"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"go.uber.org/zap"
	"tailscale.com/k8s-operator/sessionrecording/tsrecorder"
	"tailscale.com/k8s-operator/sessionrecording/ws"
	"tailscale.com/sessionrecording"
	"tailscale.com/tstime"
)

// serveReference puts the recording code of Tailscale's proxy around a ReverseProxy, as its own hijacker does: the
// recorder is dialled when the upgrade is hijacked, and the client's connection is wrapped.
func serveReference(args []string) error {
	flags := flag.NewFlagSet("reference", flag.ExitOnError)
	secure, newProxy := forwarderFlags(flags)
	recorder := flags.String("recorder", "", "host:port")
	if err := flags.Parse(args); err != nil {
		return err
	}
	proxy, err := newProxy()
	if err != nil {
		return err
	}
	address, err := netip.ParseAddrPort(*recorder)
	if err != nil {
		return err
	}
	return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/exec") {
			w = &hijacker{ResponseWriter: w, recorder: address}
		}
		proxy.ServeHTTP(w, r)
	}), *secure)
}

type hijacker struct {
	http.ResponseWriter
	recorder netip.AddrPort
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := h.ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return nil, nil, err
	}
	// Longer than the session: the upload ends after it.
	ctx := context.Background()
	var dialer net.Dialer
	upload, _, _, err := sessionrecording.ConnectToRecorder(ctx, []netip.AddrPort{h.recorder}, dialer.DialContext)
	if err != nil {
		return nil, nil, err
	}
	clock := tstime.DefaultClock{}
	log := zap.NewNop().Sugar()
	client := tsrecorder.New(upload, clock, clock.Now(), true, log)
	header := sessionrecording.CastHeader{Version: 2, Timestamp: time.Now().Unix(), Command: "bench"}
	wrapped, err := ws.New(ctx, conn, client, header, false, log)
	if err != nil {
		return nil, nil, err
	}
	return wrapped, buffered, nil
}
