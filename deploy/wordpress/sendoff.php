<?php
/**
 * Plugin Name:       Sendoff
 * Description:       Sends this site's mail through a Sendoff gateway, with verified TLS, and shows why the gateway refused what it refused.
 * Version:           1.0.0
 * Requires at least: 6.0
 * Requires PHP:      7.4
 * Author:            Sendoff
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       sendoff
 *
 * One file, for wp-content/plugins or wp-content/mu-plugins. Settings are constants of wp-config.php (SENDOFF_HOST and
 * so on, see Sendoff_Settings::FIELDS), which win, or those of the page Settings > Sendoff. docs/wordpress.md of Sendoff
 * is the guide.
 *
 * It queues nothing: what the gateway accepts is safe there, and what it refuses is reported at once. Its one repetition
 * is that of a message whose final reply was lost, octet for octet the same, which the gateway recognises.
 *
 * This file alone is GPL-2.0-or-later, as plugins of WordPress are; the rest of Sendoff has a licence of its own.
 *
 * @package Sendoff
 */

defined( 'ABSPATH' ) || exit;

// Conditional declarations: the same file in plugins and in mu-plugins must not be a fatal error.
if ( ! class_exists( 'Sendoff_Settings', false ) ) :

	define( 'SENDOFF_PLUGIN_FILE', __FILE__ );

	/**
	 * What was configured, and where: a constant, the network, the site.
	 */
	final class Sendoff_Settings {
		const OPTION      = 'sendoff';       // The form's settings; in a network, the network's.
		const SITE_OPTION = 'sendoff_site';  // In a network: what a site has of its own.
		const OF_SITE     = array( 'from', 'from_name', 'senders' );

		// Name => its constant and its default.
		const FIELDS = array(
			'host'      => array( 'SENDOFF_HOST', '' ),
			'port'      => array( 'SENDOFF_PORT', 0 ),        // 0: 587, or 465 with implicit TLS.
			'tls'       => array( 'SENDOFF_TLS', 'starttls' ), // starttls, implicit; none, to this machine alone.
			'user'      => array( 'SENDOFF_USER', '' ),
			'password'  => array( 'SENDOFF_PASSWORD', '' ),
			'from'      => array( 'SENDOFF_FROM', '' ),
			'from_name' => array( 'SENDOFF_FROM_NAME', '' ),
			'senders'   => array( 'SENDOFF_SENDERS', '' ),    // Whose From is kept; default: the domain of SENDOFF_FROM.
			'ca_file'   => array( 'SENDOFF_CA_FILE', '' ),
			'tls_name'  => array( 'SENDOFF_TLS_NAME', '' ),   // The name in the certificate; default: the host.
			'timeout'   => array( 'SENDOFF_TIMEOUT', 30 ),    // Seconds for each reply.
		);

		/**
		 * All settings in force, clean.
		 *
		 * @return array<string,string|int>
		 */
		public static function all() {
			$saved = self::is_network() ? get_site_option( self::OPTION, array() ) : get_option( self::OPTION, array() );
			$own   = self::is_network() ? get_option( self::SITE_OPTION, array() ) : array();
			$raw   = array();
			foreach ( self::FIELDS as $name => list( $constant, $default ) ) {
				$raw[ $name ] = $default;
				if ( isset( $saved[ $name ] ) && '' !== $saved[ $name ] ) {
					$raw[ $name ] = $saved[ $name ];
				}
				if ( in_array( $name, self::OF_SITE, true ) && isset( $own[ $name ] ) && '' !== $own[ $name ] ) {
					$raw[ $name ] = $own[ $name ];
				}
				if ( defined( $constant ) ) {
					$raw[ $name ] = constant( $constant );
				}
			}
			$clean             = self::clean( $raw );
			$clean['password'] = (string) $raw['password'];
			if ( ! $clean['port'] ) {
				$clean['port'] = 'implicit' === $clean['tls'] ? 465 : 587;
			}
			return $clean;
		}

		/**
		 * One setting in force.
		 *
		 * @param string $name Its name in FIELDS.
		 * @return string|int
		 */
		public static function get( $name ) {
			return self::all()[ $name ];
		}

		/**
		 * Whether wp-config.php decides it.
		 *
		 * @param string $name Its name in FIELDS.
		 */
		public static function is_constant( $name ) {
			return defined( self::FIELDS[ $name ][0] );
		}

		/**
		 * Whether mail goes through the gateway at all.
		 */
		public static function is_configured() {
			return '' !== self::get( 'host' );
		}

		/**
		 * Whether one configuration serves all sites of a network.
		 */
		public static function is_network() {
			if ( ! is_multisite() ) {
				return false;
			}
			$active = (array) get_site_option( 'active_sitewide_plugins', array() );
			return self::is_mu_plugin() || isset( $active[ plugin_basename( SENDOFF_PLUGIN_FILE ) ] );
		}

		/**
		 * Whether this file is in mu-plugins.
		 */
		public static function is_mu_plugin() {
			return 0 === strpos( wp_normalize_path( SENDOFF_PLUGIN_FILE ), trailingslashit( wp_normalize_path( WPMU_PLUGIN_DIR ) ) );
		}

		/**
		 * Without what a host name, an address or a number cannot be. The password is not looked at.
		 *
		 * @param array $raw Settings as they were typed.
		 * @return array<string,string|int>
		 */
		public static function clean( $raw ) {
			$text = array();
			foreach ( array( 'host', 'user', 'from_name', 'senders', 'ca_file', 'tls_name', 'tls' ) as $name ) {
				$text[ $name ] = isset( $raw[ $name ] ) ? sanitize_text_field( (string) $raw[ $name ] ) : '';
			}
			$text['host']     = preg_replace( '/[^A-Za-z0-9.:\-\[\]]/', '', $text['host'] );
			$text['tls_name'] = preg_replace( '/[^A-Za-z0-9.\-]/', '', $text['tls_name'] );
			$text['tls']      = in_array( $text['tls'], array( 'starttls', 'implicit', 'none' ), true ) ? $text['tls'] : 'starttls';
			$text['from']     = isset( $raw['from'] ) ? sanitize_email( (string) $raw['from'] ) : '';
			$port             = isset( $raw['port'] ) ? absint( $raw['port'] ) : 0;
			$text['port']     = $port <= 65535 ? $port : 0;
			$timeout          = isset( $raw['timeout'] ) ? absint( $raw['timeout'] ) : 0;
			$text['timeout']  = min( 300, max( 5, $timeout ? $timeout : 30 ) );
			return $text;
		}

		/**
		 * Keeps what a form sent. An empty password keeps the one that is there.
		 *
		 * @param array $raw        Settings as they were typed.
		 * @param bool  $of_network The network's, not this site's.
		 * @return string[] Names of those that were no good.
		 */
		public static function save( $raw, $of_network ) {
			$clean  = self::clean( $raw );
			$bad    = array();
			foreach ( array( 'host', 'port', 'from', 'tls_name' ) as $name ) {
				if ( ! empty( $raw[ $name ] ) && (string) $clean[ $name ] !== trim( (string) $raw[ $name ] ) ) {
					$bad[]          = $name;
					$clean[ $name ] = '';
				}
			}
			$before = $of_network ? get_site_option( self::OPTION, array() ) : get_option( self::OPTION, array() );
			if ( isset( $raw['password'] ) && '' !== $raw['password'] ) {
				$clean['password'] = (string) $raw['password'];
			} elseif ( isset( $before['password'] ) ) {
				$clean['password'] = $before['password'];
			}
			foreach ( array_keys( self::FIELDS ) as $name ) {
				if ( self::is_constant( $name ) ) {
					unset( $clean[ $name ] ); // A password that moved to wp-config.php does not stay in the database.
				}
			}
			if ( $of_network ) {
				update_site_option( self::OPTION, $clean );
			} elseif ( self::is_network() ) {
				update_option( self::SITE_OPTION, array_intersect_key( $clean, array_flip( self::OF_SITE ) ), false );
			} else {
				update_option( self::OPTION, $clean, false );
			}
			return $bad;
		}

		/**
		 * What keeps mail from being sent, before any connection. Empty: nothing.
		 */
		public static function problem() {
			$all = self::all();
			if ( 'none' !== $all['tls'] && ! extension_loaded( 'openssl' ) ) {
				return __( 'PHP has no OpenSSL extension, so there is no TLS. Have it installed.', 'sendoff' );
			}
			if ( '' !== $all['user'] && '' === $all['password'] ) {
				return __( 'The password is missing: set SENDOFF_PASSWORD, or type it on the settings page.', 'sendoff' );
			}
			if ( defined( 'SENDOFF_FROM' ) && '' !== SENDOFF_FROM && '' === $all['from'] ) {
				return __( 'SENDOFF_FROM is no mail address.', 'sendoff' );
			}
			if ( 'none' === $all['tls'] && ! self::is_loopback( $all['host'] ) ) {
				return __( 'SENDOFF_TLS is "none", which is for a gateway on this machine (127.0.0.1, ::1, localhost) alone: the password would cross the network in clear text. Use "starttls" or "implicit".', 'sendoff' );
			}
			if ( '' !== $all['ca_file'] && ! is_readable( $all['ca_file'] ) ) {
				/* translators: %s: path of a file */
				return sprintf( __( 'PHP cannot read SENDOFF_CA_FILE, %s. Copy the gateway\'s certificate.pem there, readable for the web server\'s user, and inside open_basedir if that is set.', 'sendoff' ), $all['ca_file'] );
			}
			return '';
		}

		/**
		 * Whether a host is this machine, by its name.
		 *
		 * @param string $host A name or an address.
		 */
		public static function is_loopback( $host ) {
			return 'localhost' === $host || '::1' === trim( $host, '[]' ) || (bool) preg_match( '/^127\.\d+\.\d+\.\d+$/', $host );
		}
	}

	/**
	 * How PHPMailer is set up for each message.
	 */
	final class Sendoff_Mail {
		const WINDOW = 600; // Seconds: the gateway's idempotency_window.

		/**
		 * The PHPMailer of the message under way; null: none.
		 *
		 * @var object|null
		 */
		private static $mailer = null;

		/**
		 * The last Message-ID and Date that came from here: PHPMailer's object is used for all messages of a request.
		 *
		 * @var array{0:string,1:string}
		 */
		private static $mine = array( '', '' );

		/**
		 * The hook phpmailer_init, after everybody else's.
		 *
		 * @param object $mailer WordPress's PHPMailer.
		 */
		public static function init( $mailer ) {
			self::$mailer = null;
			if ( ! Sendoff_Settings::is_configured() ) {
				return;
			}
			self::$mailer = $mailer;
			self::connect( $mailer );
			self::set_from( $mailer );
			self::set_identity( $mailer );
		}

		/**
		 * Where to, and how it is trusted.
		 *
		 * @param object $mailer A PHPMailer.
		 */
		public static function connect( $mailer ) {
			$all = Sendoff_Settings::all();
			$mailer->isSMTP();
			$mailer->Host        = $all['host'];
			$mailer->Port        = $all['port'];
			$mailer->Timeout     = $all['timeout'];
			$mailer->SMTPAuth    = '' !== $all['user'];
			$mailer->AuthType    = '';
			$mailer->Username    = $all['user'];
			$mailer->Password    = $all['password'];
			$secure              = array(
				'starttls' => 'tls',
				'implicit' => 'ssl',
				'none'     => Sendoff_Settings::is_loopback( $all['host'] ) ? '' : 'tls', // No password in clear text on a network.
			);
			$mailer->SMTPSecure  = $secure[ $all['tls'] ];
			$mailer->SMTPAutoTLS = false; // It is required, or it is off: never what the other side happens to offer.
			$tls                 = array(
				'verify_peer'       => true,
				'verify_peer_name'  => true,
				'allow_self_signed' => false,
			);
			if ( '' !== $all['ca_file'] ) {
				$tls['cafile'] = $all['ca_file'];
			}
			if ( '' !== $all['tls_name'] ) {
				$tls['peer_name'] = $all['tls_name'];
			}
			$mailer->SMTPOptions = array( 'ssl' => $tls );
			sendoff_load_smtp();
			$kept = $mailer->SMTPKeepAlive && $mailer->getSMTPInstance() instanceof Sendoff_SMTP;
			if ( ! $kept ) {
				$mailer->setSMTPInstance( new Sendoff_SMTP( $mailer ) );
			}
			$mailer->getSMTPInstance()->begin( $all['timeout'] );
		}

		/**
		 * From, of which the account may use some. A visitor's address, as forms put it there, goes to Reply-To: no
		 * server but the visitor's own may send with it (DMARC).
		 *
		 * @param object $mailer A PHPMailer.
		 */
		private static function set_from( $mailer ) {
			$from = Sendoff_Settings::get( 'from' );
			$name = Sendoff_Settings::get( 'from_name' );
			if ( '' !== $name && 'WordPress' === $mailer->FromName ) {
				$mailer->FromName = $name;
			}
			if ( '' === $from ) {
				return;
			}
			$before = $mailer->From;
			if ( self::is_default_from( $mailer->From ) ) {
				$mailer->From = $from;
			} elseif ( ! self::may_send_as( $mailer->From ) ) {
				if ( ! $mailer->getReplyToAddresses() ) {
					$mailer->addReplyTo( $mailer->From, $mailer->FromName );
				}
				$mailer->From = $from;
			}
			// Bounces come back to the reverse-path: somebody of this site, and not who was just replaced.
			$replaced = $mailer->Sender === $before && $mailer->From !== $before;
			if ( '' !== (string) $mailer->Sender && ( $replaced || ! self::may_send_as( $mailer->Sender ) ) ) {
				$mailer->Sender = '';
			}
		}

		/**
		 * Whether that is wordpress@ this site, which WordPress makes up and nobody reads.
		 *
		 * @param string $address The address in From.
		 */
		private static function is_default_from( $address ) {
			$host = (string) wp_parse_url( network_home_url(), PHP_URL_HOST );
			return 0 === strcasecmp( $address, 'wordpress@' . preg_replace( '/^www\./', '', $host ) );
		}

		/**
		 * Whether the account may send as that, as far as the settings know. The patterns are `sendoff account`'s.
		 *
		 * @param string $address An address.
		 */
		public static function may_send_as( $address ) {
			$from     = strtolower( Sendoff_Settings::get( 'from' ) );
			$senders  = strtolower( Sendoff_Settings::get( 'senders' ) );
			$patterns = preg_split( '/[\s,]+/', $senders, -1, PREG_SPLIT_NO_EMPTY );
			if ( ! $patterns ) {
				$patterns = array( substr( (string) strrchr( $from, '@' ), 1 ) );
			}
			$address = strtolower( $address );
			$domain  = substr( (string) strrchr( $address, '@' ), 1 );
			foreach ( $patterns as $pattern ) {
				$below = 0 === strpos( $pattern, '*.' ) ? substr( $pattern, 1 ) : null;
				if ( '*' === $pattern || $pattern === $address || $pattern === $domain ) {
					return true;
				}
				if ( null !== $below && substr( $domain, -strlen( $below ) ) === $below ) {
					return true;
				}
			}
			return $address === $from;
		}

		/**
		 * Message-ID, Date and MIME boundaries. Each wp_mail() is a message of its own, but for two: one that names an
		 * Idempotency-Key that was used before, and the same call again after one whose end is not known, or that
		 * reached only some of its recipients. Those come out octet for octet as before, and the gateway sends them
		 * once.
		 *
		 * @param object $mailer A PHPMailer.
		 */
		private static function set_identity( $mailer ) {
			$own = self::take_headers( $mailer );
			if ( '' === $mailer->MessageID || $mailer->MessageID === self::$mine[0] ) {
				$mailer->MessageID = sprintf( '<%s@%s>', bin2hex( random_bytes( 16 ) ), substr( (string) strrchr( $mailer->From, '@' ), 1 ) );
			}
			if ( '' === $mailer->MessageDate || $mailer->MessageDate === self::$mine[1] ) {
				$mailer->MessageDate = $mailer::rfcDate();
			}
			if ( isset( $own['message-id'] ) ) {
				$mailer->MessageID = $own['message-id'];
			}
			if ( isset( $own['date'] ) ) {
				$mailer->MessageDate = $own['date'];
			}
			$named = isset( $own['idempotency-key'] );
			$key   = 'sendoff_once_' . ( $named ? md5( 'key ' . $own['idempotency-key'] ) : md5( self::fingerprint( $mailer, $own ) ) );
			$kept  = get_transient( $key );
			$known = is_array( $kept );
			if ( ! $known ) {
				$kept = $named ? self::named( $mailer, $own['idempotency-key'] ) : array( $mailer->MessageID, $mailer->MessageDate, '' );
			}
			list( $mailer->MessageID, $mailer->MessageDate, $boundary ) = $kept;
			self::$mine = array( $mailer->MessageID, $mailer->MessageDate );
			$mailer->getSMTPInstance()->identify( $key, $boundary, $known, $named );
		}

		/**
		 * Message-ID, Date and boundary that come from a key, so that two requests at the same time make the same
		 * message: hence a Date of whole minutes.
		 *
		 * @param object $mailer A PHPMailer.
		 * @param string $key    The caller's.
		 */
		private static function named( $mailer, $key ) {
			$hash = hash_hmac( 'sha256', $key, wp_salt() );
			$at   = strrchr( $mailer->From, '@' );
			return array( '<' . substr( $hash, 0, 32 ) . $at . '>', gmdate( 'D, j M Y H:i:00 +0000' ), substr( $hash, 32 ) );
		}

		/**
		 * Takes Message-ID, Date and Idempotency-Key out of the custom headers. PHPMailer would write the first two
		 * twice, which the gateway refuses (RFC 5322 3.6); the third is for this plugin.
		 *
		 * @param object $mailer A PHPMailer.
		 * @return array<string,string> The values by name in small letters.
		 */
		private static function take_headers( $mailer ) {
			$own    = array();
			$others = array();
			foreach ( $mailer->getCustomHeaders() as $header ) {
				$name = strtolower( trim( $header[0] ) );
				if ( in_array( $name, array( 'message-id', 'date', 'idempotency-key' ), true ) ) {
					$own[ $name ] = trim( (string) $header[1] );
				} else {
					$others[] = $header;
				}
			}
			if ( $own ) {
				$mailer->clearCustomHeaders();
				foreach ( $others as $header ) {
					$mailer->addCustomHeader( $header[0], $header[1] );
				}
			}
			// PHPMailer wants RFC 5322's form, and leaves out what has another.
			if ( isset( $own['message-id'] ) && ! preg_match( '/^<[^<>@\s]+@[^<>@\s]+>$/', $own['message-id'] ) ) {
				unset( $own['message-id'] );
			}
			return $own;
		}

		/**
		 * What one call of wp_mail() has in common with the same call again.
		 *
		 * @param object $mailer A PHPMailer.
		 * @param array  $own    What take_headers() took.
		 */
		private static function fingerprint( $mailer, $own ) {
			$attached = array();
			foreach ( $mailer->getAttachments() as $one ) {
				$attached[] = array( $one[5] ? md5( $one[0] ) : array( $one[0], (int) @filesize( $one[0] ), (int) @filemtime( $one[0] ) ), $one[2], $one[4] ); // phpcs:ignore WordPress.PHP.NoSilencedErrors -- PHPMailer says what it cannot read.
			}
			return (string) wp_json_encode(
				array(
					array( $mailer->From, $mailer->FromName, $mailer->Sender, $mailer->Subject, $mailer->ContentType ),
					array( $mailer->getToAddresses(), $mailer->getCcAddresses(), $mailer->getBccAddresses(), $mailer->getReplyToAddresses() ),
					array( md5( $mailer->Body ), md5( $mailer->AltBody ), $mailer->getCustomHeaders(), $attached, $own ),
				)
			);
		}

		/**
		 * The hook wp_mail_failed, before everybody else's: what the gateway said goes into the error, where PHPMailer
		 * has left it out, so that every plugin that shows errors shows it; and it is kept.
		 *
		 * @param WP_Error $error What WordPress reports.
		 */
		public static function failed( $error ) {
			$mailer       = self::$mailer;
			self::$mailer = null;
			$smtp         = $mailer ? $mailer->getSMTPInstance() : null;
			if ( ! $smtp instanceof Sendoff_SMTP || ! is_wp_error( $error ) ) {
				return;
			}
			$refused = $smtp->failures();
			if ( ! $refused ) {
				return; // Nothing of the gateway's: no recipient, a file that cannot be read.
			}
			$shown = '';
			foreach ( $refused as $failure ) {
				Sendoff_Refusals::add( $failure, self::domains( $mailer, $failure ) );
				$shown .= ( '' === $shown ? '' : ' ' ) . Sendoff_Refusals::line( $failure );
			}
			$code = $error->get_error_code();
			if ( $code && isset( $error->errors[ $code ][0] ) && false === strpos( $error->errors[ $code ][0], $refused[0]['text'] ) ) {
				$error->errors[ $code ][0] .= ' ' . $shown;
			}
			$error->add_data( array( 'sendoff' => $refused ) + (array) $error->get_error_data(), $code );
		}

		/**
		 * The domains that a failure is about: of the recipient that was refused, or of all.
		 *
		 * @param object $mailer  A PHPMailer.
		 * @param array  $failure Of Sendoff_SMTP.
		 */
		private static function domains( $mailer, $failure ) {
			$addresses = '' !== $failure['to'] ? array( $failure['to'] => true ) : $mailer->getAllRecipientAddresses();
			$domains   = array();
			foreach ( array_keys( $addresses ) as $address ) {
				$domains[ strtolower( substr( (string) strrchr( $address, '@' ), 1 ) ) ] = true;
			}
			return implode( ', ', array_slice( array_keys( $domains ), 0, 5 ) );
		}

		/**
		 * Everything that a message needs but the message: connection, TLS, login, From. Nothing is sent.
		 *
		 * @return array{steps:string[],failure:array|null} What worked, in order, and what did not.
		 */
		public static function probe() {
			sendoff_load_smtp();
			$mailer = new PHPMailer\PHPMailer\PHPMailer( true );
			self::connect( $mailer );
			$mailer->Timeout = min( 10, $mailer->Timeout );
			$smtp            = $mailer->getSMTPInstance();
			$smtp->begin( $mailer->Timeout );
			$from = Sendoff_Settings::get( 'from' );
			/** This filter is documented in wp-includes/pluggable.php */
			$from = '' !== $from ? $from : apply_filters( 'wp_mail_from', 'wordpress@' . preg_replace( '/^www\./', '', (string) wp_parse_url( network_home_url(), PHP_URL_HOST ) ) );
			try {
				if ( $mailer->smtpConnect() && $smtp->mail( $from ) ) {
					$smtp->passed( 'mail', $from );
					$smtp->reset();
				}
			} catch ( PHPMailer\PHPMailer\Exception $e ) {
				$smtp->failed_otherwise( $e->getMessage() );
			}
			$smtp->quit();
			$failures = $smtp->failures();
			return array(
				'steps'   => $smtp->steps(),
				'failure' => $failures ? $failures[0] : null,
			);
		}
	}

	/**
	 * Declares Sendoff_SMTP, once WordPress's PHPMailer can be loaded: few requests send mail.
	 */
	function sendoff_load_smtp() {
		if ( class_exists( 'Sendoff_SMTP', false ) ) {
			return;
		}
		require_once ABSPATH . WPINC . '/PHPMailer/PHPMailer.php';
		require_once ABSPATH . WPINC . '/PHPMailer/SMTP.php';
		require_once ABSPATH . WPINC . '/PHPMailer/Exception.php';

		/**
		 * PHPMailer's SMTP client that remembers what the gateway said. PHPMailer itself throws the text of AUTH, of
		 * the final dot and of TLS away before WordPress hears of the failure.
		 *
		 * phpcs:disable WordPress.NamingConventions -- the parent's names.
		 */
		class Sendoff_SMTP extends PHPMailer\PHPMailer\SMTP {
			// phpcs:disable Squiz.Commenting.VariableComment
			private $mailer;
			private $failed     = array();
			private $steps      = array();
			private $complaints = array();    // PHP's own, of a connection or of TLS.
			private $before_quit = '';        // The reply before QUIT, which connect() sends by itself after a 554.
			private $path       = '';
			private $to         = array();    // Address => the DSN that was asked for, of those that were accepted.
			private $is_sendoff = false;      // The greeting says so. Only there is it safe to repeat.
			private $repeating  = false;
			private $identity   = array( '', '', false, false ); // As identify() was told.
			// phpcs:enable

			/**
			 * Of one PHPMailer.
			 *
			 * @param object $mailer It.
			 */
			public function __construct( $mailer ) {
				$this->mailer = $mailer;
			}

			/**
			 * Before each message.
			 *
			 * @param int $seconds For each reply; twice that for the one to the content.
			 */
			public function begin( $seconds ) {
				$this->failed    = array();
				$this->steps     = array();
				$this->Timelimit = $seconds;
			}

			/**
			 * Who this message is.
			 *
			 * @param string $key      The transient's.
			 * @param string $boundary What makes the boundaries; '': what PHPMailer has made up.
			 * @param bool   $known    Whether it is one that was sent before.
			 * @param bool   $named    Whether the caller named the key.
			 */
			public function identify( $key, $boundary, $known, $named ) {
				$this->identity = array( $key, $boundary, $known, $named );
			}

			/**
			 * What was refused or did not work, in order.
			 *
			 * @return array<int,array{stage:string,code:int,enhanced:string,text:string,to:string,ref:string}>
			 */
			public function failures() {
				return $this->failed;
			}

			/**
			 * What worked, as sentences.
			 *
			 * @return string[]
			 */
			public function steps() {
				return $this->steps;
			}

			/**
			 * A step that worked.
			 *
			 * @param string $stage Which.
			 * @param string $with  What it was about.
			 */
			public function passed( $stage, $with ) {
				$texts = array(
					/* translators: %s: host and port */
					'connect' => __( 'Connected to %s.', 'sendoff' ),
					/* translators: %s: TLS version */
					'tls'     => __( 'The certificate is trusted, and the connection is encrypted (%s).', 'sendoff' ),
					/* translators: %s: name of the account */
					'auth'    => __( 'Logged in as %s.', 'sendoff' ),
					/* translators: %s: mail address */
					'mail'    => __( 'The account may send as %s.', 'sendoff' ),
				);
				$this->steps[] = sprintf( $texts[ $stage ], $with );
			}

			/**
			 * A failure that no step has reported.
			 *
			 * @param string $text What PHPMailer says.
			 */
			public function failed_otherwise( $text ) {
				if ( ! $this->failed ) {
					$this->fail( 'connect', 0, '', $text );
				}
			}

			// phpcs:disable Squiz.Commenting.FunctionComment -- the parent's methods.

			public function connect( $host, $port = null, $timeout = 30, $options = array() ) {
				$this->complaints  = array();
				$this->last_reply  = '';
				$this->before_quit = '';
				if ( parent::connect( $host, $port, $timeout, $options ) ) {
					$this->is_sendoff = false !== strpos( $this->last_reply, ' ESMTP Sendoff' );
					$this->passed( 'connect', preg_replace( '/^ssl:\/\//', '', $host ) . ' port ' . $port );
					if ( 0 === strpos( $host, 'ssl://' ) ) {
						$this->passed( 'tls', $this->tls_version() );
					}
					return true;
				}
				if ( '' !== trim( $this->before_quit . $this->last_reply ) ) {
					$this->last_reply = '' !== $this->before_quit ? $this->before_quit : $this->last_reply;
					$this->fail_by_reply( 'greeting' );
					return false;
				}
				// Of a handshake that failed, the complaints say more than the last of them, which is "unable to connect".
				$text = trim( implode( ' ', array_unique( $this->complaints ) ) );
				$tls  = preg_match( '/certificate|SSL|crypto|Peer/i', $text );
				$this->fail( $tls ? 'tls' : 'connect', 0, '', '' !== $text ? $text : (string) $this->error['detail'] );
				return false;
			}

			public function startTLS() {
				$this->complaints = array();
				if ( parent::startTLS() ) {
					$this->passed( 'tls', $this->tls_version() );
					return true;
				}
				if ( $this->complaints ) {
					$this->fail( 'tls', 0, '', implode( ' ', array_unique( $this->complaints ) ) );
				} else {
					$this->fail_by_reply( 'tls' );
				}
				return false;
			}

			public function authenticate( $username, $password, $authtype = null, $OAuth = null ) {
				if ( parent::authenticate( $username, $password, $authtype, $OAuth ) ) {
					$this->passed( 'auth', $username );
					return true;
				}
				$this->fail_by_reply( 'auth' );
				return false;
			}

			public function mail( $from ) {
				$this->path = $from;
				$this->to   = array();
				$size       = strlen( $this->mailer->getSentMIMEMessage() );
				$most       = (int) $this->getServerExt( 'SIZE' );
				// Of what is too large the gateway is told before it is sent (RFC 1870 6.1): the reply would get lost in
				// the midst of it. Only then, for the parameters of MAIL are part of what makes a message the same.
				$sent = $most && $size > $most
					? $this->sendCommand( 'MAIL FROM', 'MAIL FROM:<' . $from . '> SIZE=' . $size, 250 )
					: parent::mail( $from );
				return $sent || $this->fail_by_reply( 'mail' );
			}

			public function recipient( $address, $dsn = '' ) {
				if ( parent::recipient( $address, $dsn ) ) {
					$this->to[ $address ] = $dsn;
					return true;
				}
				return $this->fail_by_reply( 'rcpt', $address );
			}

			public function data( $msg_data ) {
				list( $key, $boundary, $known, $named ) = $this->identity;
				$made_up = $this->boundary( $msg_data );
				if ( '' !== $boundary && '' !== $made_up && '' === (string) $this->mailer->DKIM_domain ) {
					$msg_data = str_replace( $made_up, $boundary, $msg_data );
				}
				if ( $named && ! $known ) {
					$this->remember( $msg_data );
				}
				$sent = parent::data( $msg_data );
				$lost = ! $sent && 0 === (int) $this->error['smtp_code'];
				if ( $lost ) {
					$sent = $this->repeat( $msg_data );
				}
				if ( $sent ? $this->failed : $lost ) {
					$this->remember( $msg_data ); // The same call again is this message.
				} elseif ( $sent && $known && ! $named ) {
					delete_transient( $key ); // The next one is another.
				}
				return $sent || $this->fail_by_reply( 'data' );
			}

			public function quit( $close_on_error = true ) {
				$this->before_quit = (string) $this->last_reply;
				return parent::quit( $close_on_error );
			}

			protected function errorHandler( $errno, $errmsg, $errfile = '', $errline = 0 ) {
				$this->complaints[] = trim( preg_replace( '/^[a-z_]+\(\): |\s+/', ' ', $errmsg ) );
				parent::errorHandler( $errno, $errmsg, $errfile, $errline );
			}

			// phpcs:enable

			/**
			 * The content was sent and no reply came, so nobody knows whether it was accepted (RFC 5321 4.5.4.1): once
			 * more, the same. The gateway answers a repetition as it answered the first.
			 *
			 * @param string $content The message.
			 */
			private function repeat( $content ) {
				if ( $this->repeating || ! $this->is_sendoff || ! $this->path ) {
					return false;
				}
				$error           = $this->error;
				$failed          = $this->failed;
				$to              = $this->to;
				$this->repeating = true;
				$sent            = $this->repeat_all( $to, $content );
				$this->repeating = false;
				$this->failed    = $failed;
				if ( ! $sent ) {
					$this->error      = $error;
					$this->last_reply = '';
				}
				return $sent;
			}

			/**
			 * The whole session again.
			 *
			 * @param array  $to      Recipients.
			 * @param string $content The message.
			 */
			private function repeat_all( $to, $content ) {
				$this->close();
				try {
					if ( ! $this->mailer->smtpConnect() || ! $this->mail( $this->path ) ) {
						return false;
					}
				} catch ( PHPMailer\PHPMailer\Exception $e ) {
					return false;
				}
				foreach ( $to as $address => $dsn ) {
					if ( ! $this->recipient( $address, $dsn ) ) {
						return false;
					}
				}
				return parent::data( $content );
			}

			/**
			 * PHPMailer's random part of the boundaries; '' without any.
			 *
			 * @param string $content The message.
			 */
			private function boundary( $content ) {
				return preg_match( '/\sboundary="b[123]=?_([A-Za-z0-9]{20,})"/', $content, $found ) ? $found[1] : '';
			}

			/**
			 * So that the same again can be made.
			 *
			 * @param string $content The message.
			 */
			private function remember( $content ) {
				if ( $this->identity[0] ) {
					set_transient( $this->identity[0], array( $this->mailer->MessageID, $this->mailer->MessageDate, $this->boundary( $content ) ), Sendoff_Mail::WINDOW );
				}
			}

			/**
			 * The TLS version in use.
			 */
			private function tls_version() {
				$facts = is_resource( $this->smtp_conn ) ? stream_get_meta_data( $this->smtp_conn ) : array();
				return isset( $facts['crypto']['protocol'] ) ? $facts['crypto']['protocol'] : 'TLS';
			}

			/**
			 * Keeps what the gateway answered.
			 *
			 * @param string $stage Which command.
			 * @param string $to    The recipient, of RCPT.
			 * @return false
			 */
			private function fail_by_reply( $stage, $to = '' ) {
				$last  = (string) $this->last_reply;
				$code  = (int) substr( $last, 0, 3 );
				$known = 'greeting' === $stage || (int) $this->error['smtp_code'] === $code;
				if ( $code < 400 || ! $known ) { // The connection ended, or PHPMailer gave up by itself.
					return $this->fail( $stage, 0, '', trim( $this->error['error'] . ' ' . $this->error['detail'] ), $to );
				}
				preg_match( '/^\d{3}[ -](\d\.\d+\.\d+) /', $last, $found );
				return $this->fail( $stage, $code, $found ? $found[1] : '', preg_replace( '/^\d{3}[ -]?(\d\.\d+\.\d+ )?/m', '', $last ), $to );
			}

			/**
			 * Keeps a failure.
			 *
			 * @param string $stage    Which step.
			 * @param int    $code     The reply's; 0: there was none.
			 * @param string $enhanced The enhanced status code.
			 * @param string $text     What was said.
			 * @param string $to       The recipient, of RCPT.
			 * @return false
			 */
			private function fail( $stage, $code, $enhanced, $text, $to = '' ) {
				$text           = trim( preg_replace( '/\s+/', ' ', $text ) );
				$this->failed[] = array(
					'stage'    => $stage,
					'code'     => $code,
					'enhanced' => $enhanced,
					'text'     => mb_substr( wp_check_invalid_utf8( $text, true ), 0, 500 ),
					'to'       => $to,
					'ref'      => preg_match( '/sendoff why ([0-9A-Z]+)/', $text, $found ) ? $found[1] : '',
				);
				return false;
			}
		}
		// phpcs:enable
	}

	/**
	 * The last refusals, of this site: kept, shown, and removed when somebody asks for that.
	 */
	final class Sendoff_Refusals {
		const OPTION = 'sendoff_refusals';
		const SEEN   = 'sendoff_seen'; // User meta: up to when a notice was dismissed.
		const MOST   = 50;
		const AGE    = 30 * DAY_IN_SECONDS;

		/**
		 * The hooks.
		 */
		public static function hook() {
			add_action( 'admin_notices', array( __CLASS__, 'notice' ) );
			add_action( 'admin_post_sendoff_dismiss', array( __CLASS__, 'dismiss' ) );
			add_action( 'admin_post_sendoff_forget', array( __CLASS__, 'forget' ) );
			add_filter( 'wp_privacy_personal_data_exporters', array( __CLASS__, 'exporters' ) );
			add_filter( 'wp_privacy_personal_data_erasers', array( __CLASS__, 'erasers' ) );
			add_action( 'admin_init', array( __CLASS__, 'privacy_policy' ) );
		}

		/**
		 * Newest first.
		 *
		 * @return array<int,array>
		 */
		public static function all() {
			$kept = get_option( self::OPTION, array() );
			$from = time() - self::AGE;
			return array_values(
				array_filter(
					is_array( $kept ) ? $kept : array(),
					function ( $one ) use ( $from ) {
						return $one['time'] >= $from;
					}
				)
			);
		}

		/**
		 * Keeps one. The same within a minute raises the count: a newsletter that is refused is one entry.
		 *
		 * @param array  $failure Of Sendoff_SMTP.
		 * @param string $domains The recipients'.
		 */
		public static function add( $failure, $domains ) {
			$all = self::all();
			$new = array(
				'time'     => time(),
				'count'    => 1,
				'domains'  => $domains,
				'stage'    => $failure['stage'],
				'code'     => $failure['code'],
				'enhanced' => $failure['enhanced'],
				'text'     => $failure['text'],
				'ref'      => $failure['ref'],
			);
			if ( $all && $all[0]['time'] > time() - MINUTE_IN_SECONDS && self::what( $all[0] ) === self::what( $new ) ) {
				$new['count'] += $all[0]['count'];
				array_shift( $all );
			}
			array_unshift( $all, $new );
			update_option( self::OPTION, array_slice( $all, 0, self::MOST ), false );
		}

		/**
		 * What makes two refusals the same.
		 *
		 * @param array $one A refusal.
		 */
		private static function what( $one ) {
			return $one['stage'] . $one['code'] . $one['domains'] . preg_replace( '/sendoff why \S+|in \d+[smhd0-9]*/', '', $one['text'] );
		}

		/**
		 * As a mail engineer writes it: code, enhanced code, text.
		 *
		 * @param array $one A refusal.
		 */
		public static function line( $one ) {
			$code = $one['code'] ? trim( $one['code'] . ' ' . $one['enhanced'] ) . ' ' : '';
			/* translators: %s: the reply of the gateway, or what PHP reports */
			return sprintf( $one['code'] ? __( 'The gateway said: %s', 'sendoff' ) : __( 'No reply of the gateway: %s', 'sendoff' ), $code . $one['text'] );
		}

		/**
		 * What to do about it.
		 *
		 * @param array $one A refusal.
		 */
		public static function advice( $one ) {
			$all  = Sendoff_Settings::all();
			$user = '' !== $all['user'] ? $all['user'] : 'NAME';
			$text = $one['text'];
			if ( 'tls' === $one['stage'] && preg_match( '/did not match|Peer certificate/i', $text ) ) {
				/* translators: %s: host name */
				return sprintf( __( 'The certificate is for another name than %s. Set SENDOFF_HOST to the name in the certificate (the hostname of the gateway\'s configuration); if this site must connect by an address, SENDOFF_TLS_NAME to that name.', 'sendoff' ), '' !== $all['tls_name'] ? $all['tls_name'] : $all['host'] );
			}
			if ( 'tls' === $one['stage'] && preg_match( '/certificate/i', $text ) ) {
				/* translators: %s: host name */
				return sprintf( __( 'PHP does not trust the gateway\'s certificate: it is self-signed, or has expired. On the gateway, get one from a CA: certbot certonly --standalone -d %s --deploy-hook /usr/share/sendoff/certbot-hook. Or copy the gateway\'s certificate.pem to this machine and set SENDOFF_CA_FILE to its path.', 'sendoff' ), $all['host'] );
			}
			if ( 'tls' === $one['stage'] ) {
				return __( 'TLS could not be agreed on. Port 587 wants SENDOFF_TLS "starttls", port 465 "implicit".', 'sendoff' );
			}
			if ( 'data' === $one['stage'] && ! $one['code'] ) {
				return __( 'The connection ended before the reply to the content, so the message may or may not have been accepted. The gateway knows: sendoff log --account NAME. The same mail sent again within ten minutes is delivered once.', 'sendoff' );
			}
			if ( ! $one['code'] ) {
				/* translators: 1: host, 2: port */
				return sprintf( __( 'Nothing answers at %1$s port %2$s. Does the gateway run (sendoff status), is the name right, and does the hosting company let this machine connect there? Where 587 is closed, 465 (SENDOFF_TLS "implicit") or 2525 may be open.', 'sendoff' ), $all['host'], $all['port'] );
			}
			$fixes = array(
				/* translators: %s: name of an account */
				'/^535|^Password|^User/'                     => __( 'User or password is wrong. A new password, on the gateway: sendoff account password %s. It goes into SENDOFF_PASSWORD or the settings.', 'sendoff' ),
				'/too many failed logins/'                   => __( 'Correct the password here first; then, on the gateway: sendoff unban ADDRESS.', 'sendoff' ),
				/* translators: %s: name of an account */
				'/may not send/'                             => __( 'Set SENDOFF_FROM to an address that the account may send as, or allow this one on the gateway: sendoff account set %s --add-sender ADDRESS.', 'sendoff' ),
				/* translators: %s: name of an account */
				'/is suspended/'                             => __( 'The gateway\'s operator, or its brake, has suspended the account. Once the reason is dealt with: sendoff account resume %s.', 'sendoff' ),
				/* translators: %s: name of an account */
				'/is suppressed/'                            => __( 'Mail to this recipient bounced, or the recipient asked for no more. If the address is right again: sendoff suppression remove ADDRESS --account %s.', 'sendoff' ),
				/* translators: %s: name of an account */
				'/resets|next possible|behind the limit|allowed$| allowed\./' => __( 'A limit of the account is used up. Wait, or raise it on the gateway: sendoff account usage %1$s, sendoff account set %1$s --limit SPEC.', 'sendoff' ),
				'/^552|octets/'                              => __( 'The message with its attachments is too large for the gateway. Send a link to the file, or raise limits { max_message_size } of the gateway.', 'sendoff' ),
				'/STARTTLS first/'                           => __( 'The gateway wants TLS: set SENDOFF_TLS to "starttls".', 'sendoff' ),
				/* translators: %s: name of an account */
				'/may not write/'                            => __( 'The account may write to some recipients only: sendoff account set %s --to PATTERN.', 'sendoff' ),
			);
			foreach ( $fixes as $pattern => $fix ) {
				if ( preg_match( $pattern, $one['code'] . ' ' . $text ) || preg_match( $pattern, $text ) ) {
					return sprintf( $fix, $user );
				}
			}
			return '' !== $one['ref'] ? __( 'The gateway\'s operator can see more with the command at the end of the text.', 'sendoff' ) : '';
		}

		/**
		 * Above every page of the administration, to those who may change settings, until they dismiss it.
		 */
		public static function notice() {
			if ( ! current_user_can( 'manage_options' ) ) {
				return;
			}
			$seen = (int) get_user_meta( get_current_user_id(), self::SEEN, true );
			$new  = array();
			foreach ( self::all() as $one ) {
				if ( $one['time'] > $seen ) {
					$new[] = $one;
				}
			}
			if ( ! $new ) {
				return;
			}
			$count   = array_sum( wp_list_pluck( $new, 'count' ) );
			$dismiss = wp_nonce_url( admin_url( 'admin-post.php?action=sendoff_dismiss&until=' . $new[0]['time'] ), 'sendoff_dismiss' );
			echo '<div class="notice notice-error sendoff-refused"><p><strong>';
			/* translators: %s: a number */
			echo esc_html( sprintf( _n( '%s mail of this site was not sent.', '%s mails of this site were not sent.', $count, 'sendoff' ), number_format_i18n( $count ) ) );
			echo '</strong> ' . esc_html( self::line( $new[0] ) ) . '</p><p>' . esc_html( self::advice( $new[0] ) ) . '</p><p>';
			echo '<a href="' . esc_url( admin_url( Sendoff_Page::URL ) ) . '">' . esc_html__( 'All of them, and a test', 'sendoff' ) . '</a> | ';
			echo '<a class="sendoff-dismiss" href="' . esc_url( $dismiss ) . '">' . esc_html__( 'Dismiss', 'sendoff' ) . '</a></p></div>';
		}

		/**
		 * A notice was dismissed.
		 */
		public static function dismiss() {
			Sendoff_Page::demand( 'manage_options', 'sendoff_dismiss' );
			$until = isset( $_GET['until'] ) ? absint( $_GET['until'] ) : 0; // phpcs:ignore WordPress.Security.NonceVerification -- demand() has verified it.
			update_user_meta( get_current_user_id(), self::SEEN, min( $until, time() ) );
			$back = wp_get_referer();
			wp_safe_redirect( $back ? $back : admin_url() );
			exit;
		}

		/**
		 * The list is to be emptied.
		 */
		public static function forget() {
			Sendoff_Page::demand( 'manage_options', 'sendoff_forget' );
			delete_option( self::OPTION );
			wp_safe_redirect( admin_url( Sendoff_Page::URL ) );
			exit;
		}

		/**
		 * Tools > Export Personal Data.
		 *
		 * @param array $all Those there are.
		 */
		public static function exporters( $all ) {
			$all['sendoff'] = array(
				'exporter_friendly_name' => __( 'Sendoff: refused mail', 'sendoff' ),
				'callback'               => array( __CLASS__, 'export' ),
			);
			return $all;
		}

		/**
		 * Tools > Erase Personal Data.
		 *
		 * @param array $all Those there are.
		 */
		public static function erasers( $all ) {
			$all['sendoff'] = array(
				'eraser_friendly_name' => __( 'Sendoff: refused mail', 'sendoff' ),
				'callback'             => array( __CLASS__, 'erase' ),
			);
			return $all;
		}

		/**
		 * Refusals whose text names that address: the only personal data here.
		 *
		 * @param string $address Whose.
		 */
		public static function export( $address ) {
			$items = array();
			foreach ( self::all() as $n => $one ) {
				if ( self::names( $one, $address ) ) {
					$items[] = array(
						'group_id'    => 'sendoff',
						'group_label' => __( 'Mail that was refused', 'sendoff' ),
						'item_id'     => 'sendoff-' . $n,
						'data'        => array(
							array(
								'name'  => __( 'Time', 'sendoff' ),
								'value' => gmdate( 'c', $one['time'] ),
							),
							array(
								'name'  => __( 'Refusal', 'sendoff' ),
								'value' => self::line( $one ),
							),
						),
					);
				}
			}
			return array(
				'data' => $items,
				'done' => true,
			);
		}

		/**
		 * Removes those.
		 *
		 * @param string $address Whose.
		 */
		public static function erase( $address ) {
			$all  = self::all();
			$left = array();
			foreach ( $all as $one ) {
				if ( ! self::names( $one, $address ) ) {
					$left[] = $one;
				}
			}
			if ( count( $left ) < count( $all ) ) {
				update_option( self::OPTION, $left, false );
			}
			return array(
				'items_removed'  => count( $left ) < count( $all ),
				'items_retained' => false,
				'messages'       => array(),
				'done'           => true,
			);
		}

		/**
		 * Whether a refusal has that address, and not just the end of a longer one.
		 *
		 * @param array  $one     A refusal.
		 * @param string $address An address.
		 */
		private static function names( $one, $address ) {
			return '' !== $address && preg_match( '/(?<![\w.+\-])' . preg_quote( $address, '/' ) . '(?![\w\-]|\.\w)/i', $one['text'] );
		}

		/**
		 * What the site's privacy policy may say.
		 */
		public static function privacy_policy() {
			if ( function_exists( 'wp_add_privacy_policy_content' ) ) {
				wp_add_privacy_policy_content( 'Sendoff', '<p>' . esc_html__( 'Mail of this site is sent through a mail gateway, which keeps a log of senders and recipients. When it refuses a message, its answer, which can contain the recipient\'s address, is kept here for 30 days.', 'sendoff' ) . '</p>' );
			}
		}
	}

	/**
	 * Tools > Site Health.
	 */
	final class Sendoff_Health {
		/**
		 * The hooks.
		 */
		public static function hook() {
			add_filter( 'site_status_tests', array( __CLASS__, 'tests' ) );
			add_filter( 'debug_information', array( __CLASS__, 'information' ) );
			add_action( 'rest_api_init', array( __CLASS__, 'route' ) );
		}

		/**
		 * Two tests: what can be said at once, and what takes a connection.
		 *
		 * @param array $tests Those there are.
		 */
		public static function tests( $tests ) {
			$tests['direct']['sendoff_settings'] = array(
				'label' => __( 'Mail settings', 'sendoff' ),
				'test'  => array( __CLASS__, 'settings' ),
			);
			$tests['async']['sendoff_gateway']   = array(
				'label'             => __( 'Mail gateway', 'sendoff' ),
				'test'              => rest_url( 'sendoff/v1/site-health' ),
				'has_rest'          => true,
				'async_direct_test' => array( __CLASS__, 'gateway' ),
			);
			return $tests;
		}

		/**
		 * Where the second one is asked for.
		 */
		public static function route() {
			register_rest_route(
				'sendoff/v1',
				'/site-health',
				array(
					'methods'             => 'GET',
					'callback'            => array( __CLASS__, 'gateway' ),
					'permission_callback' => function () {
						return current_user_can( 'view_site_health_checks' );
					},
				)
			);
		}

		/**
		 * Settings, and others that send this site's mail.
		 */
		public static function settings() {
			if ( ! Sendoff_Settings::is_configured() ) {
				return self::result( 'sendoff_settings', 'recommended', __( 'Sendoff is active but not set up', 'sendoff' ), array( __( 'Mail goes the way it went before. Set SENDOFF_HOST, SENDOFF_USER and SENDOFF_PASSWORD in wp-config.php, or the same on the settings page.', 'sendoff' ) ) );
			}
			$problem = Sendoff_Settings::problem();
			if ( '' !== $problem ) {
				return self::result( 'sendoff_settings', 'critical', __( 'Sendoff cannot send with these settings', 'sendoff' ), array( $problem ) );
			}
			$others = self::others();
			if ( $others ) {
				$others[] = __( 'Of plugins that send mail, leave one active. One that only changes messages does no harm.', 'sendoff' );
				return self::result( 'sendoff_settings', 'recommended', __( 'Something else handles this site\'s mail too', 'sendoff' ), $others );
			}
			return self::result( 'sendoff_settings', 'good', __( 'Mail is handed to a Sendoff gateway', 'sendoff' ), array( __( 'The settings are complete, and no other plugin sends mail.', 'sendoff' ) ) );
		}

		/**
		 * Connection, TLS, login and From, in one session.
		 */
		public static function gateway() {
			if ( ! Sendoff_Settings::is_configured() ) {
				return self::result( 'sendoff_gateway', 'recommended', __( 'No mail gateway is set up', 'sendoff' ), array( __( 'Nothing to connect to.', 'sendoff' ) ) );
			}
			$problem = Sendoff_Settings::problem();
			if ( '' !== $problem ) {
				return self::result( 'sendoff_gateway', 'critical', __( 'Sendoff cannot send with these settings', 'sendoff' ), array( $problem ) );
			}
			$found   = Sendoff_Mail::probe();
			$failure = $found['failure'];
			if ( ! $failure ) {
				return self::result( 'sendoff_gateway', 'good', __( 'The gateway accepts mail of this site', 'sendoff' ), $found['steps'] );
			}
			$labels = array(
				'connect'  => __( 'The mail gateway cannot be reached', 'sendoff' ),
				'greeting' => __( 'The mail gateway does not let this site in', 'sendoff' ),
				'tls'      => __( 'The mail gateway\'s certificate is not trusted', 'sendoff' ),
				'auth'     => __( 'The mail gateway refuses the login', 'sendoff' ),
				'mail'     => __( 'The mail gateway refuses this site\'s mail', 'sendoff' ),
			);
			$lines  = array_merge( $found['steps'], array( Sendoff_Refusals::line( $failure ), Sendoff_Refusals::advice( $failure ) ) );
			return self::result( 'sendoff_gateway', 'critical', $labels[ $failure['stage'] ], array_filter( $lines ) );
		}

		/**
		 * As Site Health wants it.
		 *
		 * @param string   $test   Which.
		 * @param string   $status good, recommended or critical.
		 * @param string   $label  The headline.
		 * @param string[] $lines  What there is to say, as plain text.
		 */
		private static function result( $test, $status, $label, $lines ) {
			$link = '<a href="' . esc_url( admin_url( Sendoff_Page::URL ) ) . '">' . esc_html__( 'Settings and test message', 'sendoff' ) . '</a>';
			return array(
				'label'       => $label,
				'status'      => $status,
				'badge'       => array(
					'label' => __( 'Mail', 'sendoff' ),
					'color' => 'blue',
				),
				'description' => '<p>' . implode( '</p><p>', array_map( 'esc_html', $lines ) ) . '</p>',
				'actions'     => $link,
				'test'        => $test,
			);
		}

		/**
		 * What else has its hands on wp_mail(), as sentences.
		 *
		 * @return string[]
		 */
		public static function others() {
			$found = array();
			$known = array(
				'WP Mail SMTP'   => function_exists( 'wp_mail_smtp' ),
				'FluentSMTP'     => defined( 'FLUENTMAIL' ),
				'Post SMTP'      => defined( 'POST_SMTP_VER' ) || class_exists( 'Postman', false ),
				'Easy WP SMTP'   => defined( 'EasyWPSMTP_PLUGIN_VERSION' ) || class_exists( 'EasyWPSMTP', false ),
				'SMTP Mailer'    => class_exists( 'SMTP_MAILER', false ),
				'WP Offload SES' => class_exists( 'DeliciousBrains\WP_Offload_SES\WP_Offload_SES', false ),
			);
			foreach ( array_keys( array_filter( $known ) ) as $name ) {
				/* translators: %s: name of a plugin */
				$found[] = sprintf( __( '%s is active.', 'sendoff' ), $name );
			}
			$file = self::file_of( 'wp_mail' );
			if ( wp_normalize_path( ABSPATH . WPINC . '/pluggable.php' ) !== $file ) {
				/* translators: %s: path of a file */
				$found[] = sprintf( __( '%s replaces wp_mail(), so that no mail comes to Sendoff.', 'sendoff' ), self::short( $file ) );
			}
			foreach ( array( 'pre_wp_mail', 'phpmailer_init' ) as $hook ) {
				foreach ( self::callbacks( $hook ) as $callback ) {
					$file = self::file_of( $callback );
					if ( '' !== $file && wp_normalize_path( SENDOFF_PLUGIN_FILE ) !== $file ) {
						/* translators: 1: path of a file, 2: name of a hook */
						$found[] = sprintf( __( '%1$s uses the hook %2$s.', 'sendoff' ), self::short( $file ), $hook );
					}
				}
			}
			return array_values( array_unique( $found ) );
		}

		/**
		 * Everything on a hook.
		 *
		 * @param string $hook Its name.
		 */
		private static function callbacks( $hook ) {
			global $wp_filter;
			$all = array();
			foreach ( isset( $wp_filter[ $hook ] ) ? $wp_filter[ $hook ]->callbacks : array() as $of_priority ) {
				foreach ( $of_priority as $one ) {
					$all[] = $one['function'];
				}
			}
			return $all;
		}

		/**
		 * Where something that can be called is written; '' where that is in no file.
		 *
		 * @param callable $callback A function or a method.
		 */
		private static function file_of( $callback ) {
			try {
				if ( is_string( $callback ) && false !== strpos( $callback, '::' ) ) {
					$callback = explode( '::', $callback );
				}
				if ( is_object( $callback ) && ! $callback instanceof Closure ) {
					$callback = array( $callback, '__invoke' );
				}
				$reflection = is_array( $callback ) ? new ReflectionMethod( $callback[0], $callback[1] ) : new ReflectionFunction( $callback );
				return wp_normalize_path( (string) $reflection->getFileName() );
			} catch ( ReflectionException $e ) {
				return '';
			}
		}

		/**
		 * A path as far as it matters.
		 *
		 * @param string $file A path.
		 */
		private static function short( $file ) {
			return str_replace( wp_normalize_path( trailingslashit( WP_CONTENT_DIR ) ), '', $file );
		}

		/**
		 * Tools > Site Health > Info. No password.
		 *
		 * @param array $info What there is.
		 */
		public static function information( $info ) {
			$fields = array();
			foreach ( Sendoff_Settings::all() as $name => $value ) {
				if ( 'password' !== $name ) {
					$fields[ $name ] = array(
						'label'   => Sendoff_Settings::FIELDS[ $name ][0],
						'value'   => '' === $value ? '-' : $value,
						'private' => in_array( $name, array( 'user', 'from' ), true ),
					);
				}
			}
			$info['sendoff'] = array(
				'label'  => 'Sendoff',
				'fields' => $fields,
			);
			return $info;
		}
	}

	/**
	 * The page Settings > Sendoff, and in a network also its administration's.
	 */
	final class Sendoff_Page {
		const SLUG = 'sendoff';
		const URL  = 'options-general.php?page=sendoff';

		/**
		 * The hooks.
		 */
		public static function hook() {
			add_action( 'admin_menu', array( __CLASS__, 'menu' ) );
			add_action( 'network_admin_menu', array( __CLASS__, 'network_menu' ) );
			add_action( 'admin_post_sendoff_save', array( __CLASS__, 'save' ) );
			add_action( 'admin_post_sendoff_test', array( __CLASS__, 'test' ) );
			add_filter( 'plugin_action_links_' . plugin_basename( SENDOFF_PLUGIN_FILE ), array( __CLASS__, 'links' ) );
		}

		/**
		 * A site's.
		 */
		public static function menu() {
			add_options_page( 'Sendoff', 'Sendoff', 'manage_options', self::SLUG, array( __CLASS__, 'show' ) );
		}

		/**
		 * The network's.
		 */
		public static function network_menu() {
			if ( Sendoff_Settings::is_network() ) {
				add_submenu_page( 'settings.php', 'Sendoff', 'Sendoff', 'manage_network_options', self::SLUG, array( __CLASS__, 'show' ) );
			}
		}

		/**
		 * Beside "Deactivate".
		 *
		 * @param string[] $links Those there are.
		 */
		public static function links( $links ) {
			array_unshift( $links, '<a href="' . esc_url( admin_url( self::URL ) ) . '">' . esc_html__( 'Settings', 'sendoff' ) . '</a>' );
			return $links;
		}

		/**
		 * Ends the request of anybody who may not do this, or was led to it by another site.
		 *
		 * @param string $capability What it takes.
		 * @param string $action     The nonce's.
		 */
		public static function demand( $capability, $action ) {
			if ( ! current_user_can( $capability ) ) {
				wp_die( esc_html__( 'You may not do that.', 'sendoff' ), '', array( 'response' => 403 ) );
			}
			check_admin_referer( $action );
		}

		/**
		 * The form of the settings was sent.
		 */
		public static function save() {
			$of_network = ! empty( $_POST['network'] ); // phpcs:ignore WordPress.Security.NonceVerification -- decides which capability it takes.
			self::demand( $of_network ? 'manage_network_options' : 'manage_options', 'sendoff_save' );
			if ( $of_network && ! Sendoff_Settings::is_network() ) {
				wp_die( esc_html__( 'You may not do that.', 'sendoff' ), '', array( 'response' => 403 ) );
			}
			$raw = array();
			foreach ( array_keys( Sendoff_Settings::FIELDS ) as $name ) {
				if ( isset( $_POST[ 'sendoff_' . $name ] ) && is_string( $_POST[ 'sendoff_' . $name ] ) ) {
					$raw[ $name ] = wp_unslash( $_POST[ 'sendoff_' . $name ] ); // phpcs:ignore WordPress.Security.ValidatedSanitizedInput -- save() cleans it; a password must stay as it is.
				}
			}
			$bad = Sendoff_Settings::save( $raw, $of_network );
			wp_safe_redirect( add_query_arg( 'saved', $bad ? implode( '-', $bad ) : '1', $of_network ? network_admin_url( 'settings.php?page=sendoff' ) : admin_url( self::URL ) ) );
			exit;
		}

		/**
		 * A test message is wanted: it goes the way of all others, and what was said is kept for the page.
		 */
		public static function test() {
			self::demand( 'manage_options', 'sendoff_test' );
			$to = isset( $_POST['sendoff_to'] ) ? sanitize_email( wp_unslash( $_POST['sendoff_to'] ) ) : ''; // phpcs:ignore WordPress.Security.NonceVerification -- demand() has verified it.
			set_transient( 'sendoff_test_' . get_current_user_id(), self::send_test( $to ), 10 * MINUTE_IN_SECONDS );
			wp_safe_redirect( admin_url( self::URL ) . '#sendoff-test' );
			exit;
		}

		/**
		 * Sends it.
		 *
		 * @param string $to Whom to.
		 * @return array{sent:bool,text:string,lines:string[]}
		 */
		private static function send_test( $to ) {
			$lines = array();
			$error = '';
			$watch = function ( $mailer ) use ( &$lines ) {
				$mailer->SMTPDebug   = 3; // Commands, replies, the connection. Credentials are never in it.
				$mailer->Debugoutput = function ( $line ) use ( &$lines ) {
					$lines[] = mb_substr( wp_check_invalid_utf8( rtrim( (string) $line ), true ), 0, 500 );
				};
			};
			$keep  = function ( $failure ) use ( &$error ) {
				$error = $failure->get_error_message();
			};
			add_action( 'phpmailer_init', $watch, PHP_INT_MAX );
			add_action( 'wp_mail_failed', $keep, PHP_INT_MAX );
			/* translators: %s: name of the site */
			$sent = '' !== $to && wp_mail( $to, sprintf( __( 'Test message of %s', 'sendoff' ), wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES ) ), __( 'This site can send mail.', 'sendoff' ) . "\n\n" . home_url() . "\n" );
			remove_action( 'phpmailer_init', $watch, PHP_INT_MAX );
			remove_action( 'wp_mail_failed', $keep, PHP_INT_MAX );
			if ( isset( $GLOBALS['phpmailer'] ) && is_object( $GLOBALS['phpmailer'] ) ) {
				$GLOBALS['phpmailer']->SMTPDebug = 0;
			}
			return array(
				'sent'  => $sent,
				'text'  => '' === $to ? __( 'That is no mail address.', 'sendoff' ) : $error,
				'lines' => array_slice( $lines, 0, 200 ),
			);
		}

		/**
		 * The page.
		 */
		public static function show() {
			$of_network = is_network_admin();
			if ( ! current_user_can( $of_network ? 'manage_network_options' : 'manage_options' ) ) {
				return;
			}
			echo '<div class="wrap"><h1>Sendoff</h1>';
			self::show_saved( isset( $_GET['saved'] ) ? sanitize_text_field( wp_unslash( $_GET['saved'] ) ) : '' ); // phpcs:ignore WordPress.Security.NonceVerification -- only shows text.
			$problem = Sendoff_Settings::is_configured() ? Sendoff_Settings::problem() : '';
			if ( '' !== $problem ) {
				echo '<div class="notice notice-error"><p>' . esc_html( $problem ) . '</p></div>';
			}
			self::show_settings( $of_network );
			if ( ! $of_network ) {
				self::show_test();
				self::show_refusals();
			}
			echo '</div>';
		}

		/**
		 * What became of the form.
		 *
		 * @param string $saved 1, or the names of what was no good; '': it was not sent.
		 */
		private static function show_saved( $saved ) {
			if ( '1' === $saved ) {
				echo '<div class="notice notice-success"><p>' . esc_html__( 'Saved. Now send a test message.', 'sendoff' ) . '</p></div>';
			} elseif ( '' !== $saved ) {
				$labels = array_intersect_key( wp_list_pluck( self::labels(), 0 ), array_flip( explode( '-', $saved ) ) );
				/* translators: %s: names of fields */
				echo '<div class="notice notice-error"><p>' . esc_html( sprintf( __( 'Saved, but what was typed into these fields is no good: %s.', 'sendoff' ), implode( ', ', $labels ) ) ) . '</p></div>';
			}
		}

		/**
		 * What is asked for, with its explanation.
		 */
		private static function labels() {
			return array(
				'host'      => array( __( 'Gateway', 'sendoff' ), __( 'The host name, as in its certificate.', 'sendoff' ) ),
				'port'      => array( __( 'Port', 'sendoff' ), __( '587 for STARTTLS, 465 for implicit TLS.', 'sendoff' ) ),
				'tls'       => array( __( 'TLS', 'sendoff' ), __( 'The certificate is always verified.', 'sendoff' ) ),
				'user'      => array( __( 'User', 'sendoff' ), __( 'The name of the account.', 'sendoff' ) ),
				'password'  => array( __( 'Password', 'sendoff' ), __( 'Never shown again; empty keeps the one that is saved. It is safer in wp-config.php, as SENDOFF_PASSWORD.', 'sendoff' ) ),
				'from'      => array( __( 'From', 'sendoff' ), __( 'An address that the account may send as. It replaces wordpress@ this site, and addresses of domains that are not allowed, which go to Reply-To.', 'sendoff' ) ),
				'from_name' => array( __( 'Name', 'sendoff' ), __( 'Instead of "WordPress".', 'sendoff' ) ),
				'senders'   => array( __( 'Other senders', 'sendoff' ), __( 'Domains and addresses that the account may send as: From stays when it is one of them. Empty: the domain of From.', 'sendoff' ) ),
				'ca_file'   => array( __( 'Certificate file', 'sendoff' ), __( 'Only for a gateway whose certificate is self-signed: path of a copy of its certificate.pem.', 'sendoff' ) ),
				'tls_name'  => array( __( 'Name in the certificate', 'sendoff' ), __( 'Only where the gateway is an address, or another name.', 'sendoff' ) ),
				'timeout'   => array( __( 'Timeout', 'sendoff' ), __( 'Seconds for each reply.', 'sendoff' ) ),
			);
		}

		/**
		 * The form.
		 *
		 * @param bool $of_network The network's, not this site's.
		 */
		private static function show_settings( $of_network ) {
			$all  = Sendoff_Settings::all();
			$open = $of_network || ! Sendoff_Settings::is_network();
			echo '<form method="post" action="' . esc_url( admin_url( 'admin-post.php' ) ) . '"><input type="hidden" name="action" value="sendoff_save">';
			if ( $of_network ) {
				echo '<input type="hidden" name="network" value="1">';
			}
			wp_nonce_field( 'sendoff_save' );
			echo '<table class="form-table" role="presentation">';
			foreach ( self::labels() as $name => list( $label, $help ) ) {
				if ( ! $open && ! in_array( $name, Sendoff_Settings::OF_SITE, true ) ) {
					continue; // Those are the network's, and no business of a site's administrator.
				}
				echo '<tr><th scope="row"><label for="' . esc_attr( 'sendoff_' . $name ) . '">' . esc_html( $label ) . '</label></th><td>';
				self::show_field( $name, 'password' === $name ? '' : $all[ $name ] );
				echo '<p class="description">' . esc_html( $help ) . '</p></td></tr>';
			}
			echo '</table>';
			submit_button();
			echo '</form>';
		}

		/**
		 * One field; of a constant, its value.
		 *
		 * @param string     $name  Which.
		 * @param string|int $value What it is.
		 */
		private static function show_field( $name, $value ) {
			$id       = 'sendoff_' . $name;
			$constant = Sendoff_Settings::is_constant( $name );
			if ( 'tls' === $name ) {
				echo '<select id="' . esc_attr( $id ) . '" name="' . esc_attr( $id ) . '"' . disabled( $constant, true, false ) . '>';
				foreach ( array(
					'starttls' => 'STARTTLS',
					'implicit' => __( 'implicit TLS', 'sendoff' ),
					'none'     => __( 'none (a gateway on this machine)', 'sendoff' ),
				) as $key => $label ) {
					echo '<option value="' . esc_attr( $key ) . '"' . selected( $value, $key, false ) . '>' . esc_html( $label ) . '</option>';
				}
				echo '</select>';
			} elseif ( 'password' === $name ) {
				$saved = '' !== Sendoff_Settings::get( 'password' );
				echo '<input type="password" class="regular-text" autocomplete="new-password" id="' . esc_attr( $id ) . '" name="' . esc_attr( $id ) . '" value="" placeholder="' . esc_attr( $saved ? __( 'saved', 'sendoff' ) : '' ) . '"' . disabled( $constant, true, false ) . '>';
			} else {
				$type = is_int( $value ) ? 'number' : 'text';
				echo '<input type="' . esc_attr( $type ) . '" class="regular-text" id="' . esc_attr( $id ) . '" name="' . esc_attr( $id ) . '" value="' . esc_attr( $value ) . '"' . disabled( $constant, true, false ) . '>';
			}
			if ( $constant ) {
				/* translators: %s: name of a constant */
				echo ' <em>' . esc_html( sprintf( __( '%s in wp-config.php', 'sendoff' ), Sendoff_Settings::FIELDS[ $name ][0] ) ) . '</em>';
			}
		}

		/**
		 * The button, and what came of it.
		 */
		private static function show_test() {
			$key  = 'sendoff_test_' . get_current_user_id();
			$last = get_transient( $key );
			echo '<h2 id="sendoff-test">' . esc_html__( 'Test message', 'sendoff' ) . '</h2>';
			echo '<form method="post" action="' . esc_url( admin_url( 'admin-post.php' ) ) . '"><input type="hidden" name="action" value="sendoff_test">';
			wp_nonce_field( 'sendoff_test' );
			echo '<input type="email" required class="regular-text" name="sendoff_to" value="' . esc_attr( wp_get_current_user()->user_email ) . '"> ';
			submit_button( __( 'Send a test message', 'sendoff' ), 'secondary', 'submit', false );
			echo '</form>';
			if ( ! is_array( $last ) ) {
				return;
			}
			delete_transient( $key );
			$text = $last['sent'] ? __( 'The gateway accepted it. What became of it there: sendoff log --account NAME.', 'sendoff' ) : $last['text'];
			echo '<div class="notice inline ' . ( $last['sent'] ? 'notice-success' : 'notice-error' ) . '"><p>' . esc_html( $text ) . '</p></div>';
			if ( $last['lines'] ) {
				echo '<pre class="sendoff-dialogue" style="max-height:30em;overflow:auto;background:#fff;padding:1em">' . esc_html( implode( "\n", $last['lines'] ) ) . '</pre>';
			}
		}

		/**
		 * The list.
		 */
		private static function show_refusals() {
			$all = Sendoff_Refusals::all();
			echo '<h2>' . esc_html__( 'Refused', 'sendoff' ) . '</h2>';
			if ( ! $all ) {
				echo '<p>' . esc_html__( 'Nothing in the last 30 days.', 'sendoff' ) . '</p>';
				return;
			}
			echo '<table class="widefat striped sendoff-refusals"><thead><tr><th>' . esc_html__( 'Time', 'sendoff' ) . '</th><th>' . esc_html__( 'To', 'sendoff' ) . '</th><th>' . esc_html__( 'Why, and what to do', 'sendoff' ) . '</th></tr></thead><tbody>';
			foreach ( $all as $one ) {
				echo '<tr><td>' . esc_html( wp_date( get_option( 'date_format' ) . ' H:i:s', $one['time'] ) );
				if ( $one['count'] > 1 ) {
					/* translators: %s: a number */
					echo '<br>' . esc_html( sprintf( __( '%s times', 'sendoff' ), number_format_i18n( $one['count'] ) ) );
				}
				echo '</td><td>' . esc_html( $one['domains'] ) . '</td><td>' . esc_html( self::plain( $one ) ) . '<br><em>' . esc_html( Sendoff_Refusals::advice( $one ) ) . '</em></td></tr>';
			}
			echo '</tbody></table><form method="post" action="' . esc_url( admin_url( 'admin-post.php' ) ) . '"><input type="hidden" name="action" value="sendoff_forget"><p>';
			wp_nonce_field( 'sendoff_forget' );
			submit_button( __( 'Empty the list', 'sendoff' ), 'secondary', 'submit', false );
			echo '</p></form>';
		}

		/**
		 * Code and text.
		 *
		 * @param array $one A refusal.
		 */
		private static function plain( $one ) {
			return trim( ( $one['code'] ? $one['code'] . ' ' . $one['enhanced'] . ' ' : '' ) . $one['text'] );
		}
	}

	/**
	 * On activation: uninstalling leaves nothing behind.
	 */
	function sendoff_activate() {
		register_uninstall_hook( SENDOFF_PLUGIN_FILE, 'sendoff_uninstall' );
	}

	/**
	 * Removes everything that this plugin has stored.
	 */
	function sendoff_uninstall() {
		$sites = is_multisite() ? get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) : array( 0 ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing -- short.
		foreach ( $sites as $site ) {
			if ( $site ) {
				switch_to_blog( $site );
			}
			delete_option( Sendoff_Settings::OPTION );
			delete_option( Sendoff_Settings::SITE_OPTION );
			delete_option( Sendoff_Refusals::OPTION );
			if ( $site ) {
				restore_current_blog();
			}
		}
		delete_site_option( Sendoff_Settings::OPTION );
		delete_metadata( 'user', 0, Sendoff_Refusals::SEEN, '', true );
	}

	/**
	 * Translations.
	 */
	function sendoff_textdomain() {
		load_plugin_textdomain( 'sendoff', false, dirname( plugin_basename( SENDOFF_PLUGIN_FILE ) ) );
	}

	add_action( 'init', 'sendoff_textdomain' );
	add_action( 'phpmailer_init', array( 'Sendoff_Mail', 'init' ), 1000 );
	add_action( 'wp_mail_failed', array( 'Sendoff_Mail', 'failed' ), 1 );
	Sendoff_Refusals::hook();
	Sendoff_Health::hook();
	Sendoff_Page::hook();
	register_activation_hook( SENDOFF_PLUGIN_FILE, 'sendoff_activate' );

endif;
