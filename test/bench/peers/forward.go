package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

// reverseProxy is what the Go proxies are built on: as much as a plain forwarder does, and the identity headers.
func reverseProxy(upstream, caFile string) (*httputil.ReverseProxy, error) {
	target, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		roots.AppendCertsFromPEM(pem)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("Authorization", "Bearer proxy")
			r.Out.Header.Set("Impersonate-User", "ann")
		},
		FlushInterval: -1,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots},
			TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
			MaxIdleConnsPerHost: 256,
		},
	}, nil
}

// forwarderFlags are those of every proxy here; what is given back makes it, once they are parsed.
func forwarderFlags(flags *flag.FlagSet) (*bool, func() (*httputil.ReverseProxy, error)) {
	upstream := flags.String("upstream", "", "URL")
	ca := flags.String("ca", "", "file of the authority of its certificate")
	secure := flags.Bool("tls", false, "serve in TLS")
	return secure, func() (*httputil.ReverseProxy, error) { return reverseProxy(*upstream, *ca) }
}

func serveForward(args []string) error {
	flags := flag.NewFlagSet("forward", flag.ExitOnError)
	secure, newProxy := forwarderFlags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	proxy, err := newProxy()
	if err != nil {
		return err
	}
	return serve(proxy, *secure)
}
