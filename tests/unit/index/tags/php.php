<!DOCTYPE html>
<?php
declare(strict_types=1);

namespace App\Billing;

use App\Models\Customer;
use App\Models\{Order, Item as Line};
use Psr\Log\LoggerInterface as Logger;
use function App\Support\format_money;
use const App\LIMIT;

require_once 'vendor/autoload.php';
include __DIR__ . '/helpers.php';

const RATE = 0.19, FACTOR = 2;
define('APP_ROOT', __DIR__);
$registry = [];

/**
 * Anything that can be paid.
 */
interface Payable extends Countable
{
    const CURRENCY = 'EUR';
    public function pay(int $amount): bool;
}

trait Logs
{
    protected ?Logger $logger = null;

    public function log(string $message): void
    {
        $local = $message;
        $this->logger?->info($local);
    }
}

enum Status: string
{
    case Open = 'open';
    case Paid = 'paid';

    public static function default(): self
    {
        return self::Open;
    }
}

/** A customer's invoice. */
#[Entity]
final class Invoice extends Model implements Payable
{
    use Logs, Counts { log as protected writeLog; }

    public const VERSION = 2;
    private static int $count = 0, $other = 1;

    // Builds an invoice.
    public function __construct(private readonly Customer $customer, public int $total = 0)
    {
        parent::__construct();
    }

    /**
     * Pays it.
     *
     * @param int $amount in cents
     */
    #[Route('/pay')]
    public function pay(int $amount): bool
    {
        return true;
    }
}

function total(array $items): int
{
    static $cache = [];
    $sum = fn($x) => $x;
    return array_sum($items);
}

$helper = function (int $x) {
    return $x;
};
