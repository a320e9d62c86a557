// Command apiserver is what stands behind a Kubernetes API server's exec, attach and port-forward: the API server's own
// upgrade code (k8s.io/apiserver/pkg/util/proxy: the v5 translator and the port-forward tunnel) in front of the
// container runtimes' own streaming server (k8s.io/cri-streaming), which runs local processes. Everything else is asked
// of the objects server named by -objects.
//
// It writes one JSON line {"url", "caPem"} when it serves, and ends with its standard input.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
	"k8s.io/cri-streaming/pkg/streaming"
)

func main() {
	objects := flag.String("objects", "", "https://host:port of the server of objects")
	caFile := flag.String("ca", "", "file of the authority that signed its certificate")
	token := flag.String("token", "", "bearer token of both servers")
	pods := flag.String("pods", "", "folder of the containers' files: NAMESPACE/POD/CONTAINER")
	flag.Parse()
	if err := run(*objects, *caFile, *token, *pods); err != nil {
		log.Fatal(err)
	}
}

func run(objects, caFile, token, pods string) error {
	config := &rest.Config{
		Host:            objects,
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: caFile},
	}
	kubelet, err := serveKubelet(&runtime{objects: config, pods: pods})
	if err != nil {
		return err
	}
	rest, err := restHandler(config)
	if err != nil {
		return err
	}
	certPem, keyPem, err := cert.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certPem, keyPem)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: &api{kubelet: kubelet, objects: config, token: token, rest: rest},
		// SPDY cannot be upgraded to on HTTP/2.
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	go func() { log.Fatal(server.ServeTLS(listener, "", "")) }()
	ready := map[string]string{"url": "https://" + listener.Addr().String(), "caPem": string(certPem)}
	if err := json.NewEncoder(os.Stdout).Encode(ready); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// serveKubelet starts the streaming server on a port of its own.
func serveKubelet(r *runtime) (streaming.Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	config := streaming.DefaultConfig
	config.BaseURL = &url.URL{Scheme: "http", Host: listener.Addr().String(), Path: "/"}
	server, err := streaming.NewServer(config, r)
	if err != nil {
		return nil, err
	}
	go func() { log.Fatal(http.Serve(listener, server)) }()
	return server, nil
}

// restHandler forwards what is no stream, headers and all: the identity in them is the objects server's to judge.
func restHandler(config *rest.Config) (http.Handler, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	transport, err := rest.TransportFor(&rest.Config{Host: config.Host, TLSClientConfig: config.TLSClientConfig})
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
	}, nil
}
