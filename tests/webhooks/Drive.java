// Asks the `v1a` example of docs/webhook-signatures.md about each webhook of standard input, and prints accepted or refused.
// Java has no JSON: a webhook is five lines of base64, key, id, timestamp, signatures and body.
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Scanner;

class Drive {
    public static void main(String[] arguments) throws Exception {
        Scanner lines = new Scanner(System.in, StandardCharsets.UTF_8);
        while (lines.hasNextLine()) {
            String key = new String(read(lines), StandardCharsets.UTF_8);
            Map<String, String> headers = Map.of(
                "webhook-id", new String(read(lines), StandardCharsets.UTF_8),
                "webhook-timestamp", new String(read(lines), StandardCharsets.UTF_8),
                "webhook-signature", new String(read(lines), StandardCharsets.UTF_8));
            System.out.println(WebhookVerifier.verify(key, headers, read(lines)) ? "accepted" : "refused");
        }
    }

    private static byte[] read(Scanner lines) {
        return Base64.getDecoder().decode(lines.nextLine());
    }
}
