// Command requestinfo answers what the Kubernetes API server understands a request line to be. One JSON object a line
// in, one a line out, in the same order.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

type question struct {
	Method string `json:"method"`
	Target string `json:"target"`
}

type answer struct {
	// Why the server would answer 400 or 500 before any authorization. The other fields are empty then.
	Error             string   `json:"error,omitempty"`
	IsResourceRequest bool     `json:"isResourceRequest"`
	Verb              string   `json:"verb"`
	APIPrefix         string   `json:"apiPrefix"`
	APIGroup          string   `json:"apiGroup"`
	APIVersion        string   `json:"apiVersion"`
	Namespace         string   `json:"namespace"`
	Resource          string   `json:"resource"`
	Subresource       string   `json:"subresource"`
	Name              string   `json:"name"`
	Parts             []string `json:"parts"`
	Path              string   `json:"path"`
}

// What kube-apiserver is configured with.
var factory = request.RequestInfoFactory{
	APIPrefixes:          sets.NewString("api", "apis"),
	GrouplessAPIPrefixes: sets.NewString("api"),
}

func main() {
	if err := answerAll(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func answerAll(in io.Reader, out io.Writer) error {
	questions := json.NewDecoder(bufio.NewReader(in))
	answers := json.NewEncoder(out)
	for {
		var asked question
		if err := questions.Decode(&asked); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := answers.Encode(ask(asked)); err != nil {
			return err
		}
	}
}

func ask(asked question) answer {
	// ReadRequest is what net/http's server itself reads request lines with, absolute form and all.
	raw := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: oracle\r\n\r\n", asked.Method, asked.Target)
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return answer{Error: err.Error()}
	}
	info, err := factory.NewRequestInfo(req)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{
		IsResourceRequest: info.IsResourceRequest,
		Verb:              info.Verb,
		APIPrefix:         info.APIPrefix,
		APIGroup:          info.APIGroup,
		APIVersion:        info.APIVersion,
		Namespace:         info.Namespace,
		Resource:          info.Resource,
		Subresource:       info.Subresource,
		Name:              info.Name,
		Parts:             append([]string{}, info.Parts...),
		Path:              info.Path,
	}
}
