package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/proxy"
	apiserverproxy "k8s.io/apiserver/pkg/util/proxy"
	"k8s.io/client-go/rest"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

var streamPath = regexp.MustCompile(`^/api/v1/namespaces/([^/]+)/pods/([^/]+)/(exec|attach|portforward)$`)

// api serves the pods' streams as the API server's registry of pods does, and hands on the rest.
type api struct {
	kubelet streaming.Server
	objects *rest.Config
	token   string
	rest    http.Handler
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := streamPath.FindStringSubmatch(r.URL.Path)
	if match == nil || r.Header.Get("Upgrade") == "" {
		a.rest.ServeHTTP(w, r)
		return
	}
	// What the objects server asks of an impersonating proxy, asked here of the streams too.
	if r.Header.Get("Authorization") != "Bearer "+a.token || r.Header.Get("Impersonate-User") == "" {
		http.Error(w, "no credentials, or nobody impersonated", http.StatusUnauthorized)
		return
	}
	namespace, pod, kind := match[1], match[2], match[3]
	container, err := a.container(r.Context(), namespace, pod, r.URL.Query().Get("container"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	id := namespace + "/" + pod + "/" + container
	if kind == "portforward" {
		a.portForward(id, w, r)
		return
	}
	a.remoteCommand(kind, id, w, r)
}

func (a *api) remoteCommand(kind, id string, w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	on := func(name string) bool { return slices.Contains([]string{"1", "true"}, query.Get(name)) }
	asked := apiserverproxy.Options{Stdin: on("stdin"), Stdout: on("stdout"), Stderr: on("stderr"), Tty: on("tty")}
	// The kubelet's validation does the same before it asks the runtime: a terminal has one output.
	asked.Stderr = asked.Stderr && !asked.Tty
	location, err := a.remoteCommandURL(kind, id, query["command"], asked)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	direct := upgradeAware(location)
	translator := apiserverproxy.NewStreamTranslatorHandler(location, nil, 0, asked)
	apiserverproxy.NewTranslatingHandler(direct, translator, wsstream.IsWebSocketRequestWithStreamCloseProtocol).ServeHTTP(w, r)
}

func (a *api) remoteCommandURL(kind, id string, command []string, asked apiserverproxy.Options) (*url.URL, error) {
	if kind == "attach" {
		answer, err := a.kubelet.GetAttach(&runtimeapi.AttachRequest{
			ContainerId: id, Tty: asked.Tty, Stdin: asked.Stdin, Stdout: asked.Stdout, Stderr: asked.Stderr,
		})
		if err != nil {
			return nil, err
		}
		return url.Parse(answer.Url)
	}
	answer, err := a.kubelet.GetExec(&runtimeapi.ExecRequest{
		ContainerId: id, Cmd: command, Tty: asked.Tty, Stdin: asked.Stdin, Stdout: asked.Stdout, Stderr: asked.Stderr,
	})
	if err != nil {
		return nil, err
	}
	return url.Parse(answer.Url)
}

func (a *api) portForward(id string, w http.ResponseWriter, r *http.Request) {
	answer, err := a.kubelet.GetPortForward(&runtimeapi.PortForwardRequest{PodSandboxId: id})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	location, err := url.Parse(answer.Url)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	direct := upgradeAware(location)
	tunnel := apiserverproxy.NewTunnelingHandler(direct)
	apiserverproxy.NewTranslatingHandler(direct, tunnel, wsstream.IsWebSocketRequestWithTunnelingProtocol).ServeHTTP(w, r)
}

// container is the one asked for, or the pod's first, as the object says.
func (a *api) container(ctx context.Context, namespace, pod, asked string) (string, error) {
	client, err := rest.HTTPClientFor(a.objects)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.objects.Host+"/api/v1/namespaces/"+namespace+"/pods/"+pod, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Impersonate-User", "system:kube-apiserver")
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("pods %q not found", pod)
	}
	var object struct {
		Spec struct {
			Containers          []struct{ Name string }
			EphemeralContainers []struct{ Name string }
		}
	}
	if err := json.Unmarshal(body, &object); err != nil {
		return "", err
	}
	for _, one := range append(object.Spec.Containers, object.Spec.EphemeralContainers...) {
		if asked == "" || asked == one.Name {
			return one.Name, nil
		}
	}
	return "", fmt.Errorf("container %s is not valid for pod %s", asked, pod)
}

func upgradeAware(location *url.URL) *proxy.UpgradeAwareHandler {
	return proxy.NewUpgradeAwareHandler(location, nil, false, true, plainResponder{})
}

type plainResponder struct{}

func (plainResponder) Error(w http.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, err.Error(), http.StatusBadGateway)
}
