// Asks the `v1a` example of docs/webhook-signatures.md about each line of standard input, and prints accepted or refused.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var webhook struct {
			Key, Body string
			Headers   map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &webhook); err != nil {
			panic(err)
		}
		headers := http.Header{}
		for name, value := range webhook.Headers {
			headers.Set(name, value)
		}
		if VerifyWebhook(webhook.Key, headers, []byte(webhook.Body)) {
			fmt.Println("accepted")
		} else {
			fmt.Println("refused")
		}
	}
}
